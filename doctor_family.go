package main

import (
	"context"

	"xunfang/bot/official"
	"xunfang/bot/sms"
)

// kf looks at the line to the elders' children.
func (d *doctor) kf(ctx context.Context) {
	const subject = "微信客服"
	ids := d.c.accounts()
	switch {
	case len(ids) == 0:
		d.say(skipped, subject, "none: contact cards carry no QR, and children hear by phone; name one under wecom.kf.open_kfid")
		return
	case d.wecom == nil || !d.token:
		d.say(skipped, subject, "to be checked once WeCom gives tokens")
		return
	case d.c.WeCom.Kf.Secret != "" && d.c.WeCom.Kf.Secret != d.c.WeCom.Secret:
		d.say(odd, subject, "has a secret of its own: WeCom takes that only from corps of before 2023-12-01; else leave wecom.kf.secret empty")
		return
	}
	granted, err := kfGranted(ctx, d.wecom, ids)
	if err != nil {
		d.say(bad, subject, "%v; add this app under 微信客服 → 可调用接口的应用", err)
		return
	}
	for _, id := range ids {
		if why := granted[id]; why != "" {
			d.say(bad, subject, "%s: %s; hand it over under 微信客服 → 通过API管理微信客服账号", id, why)
		} else {
			d.say(good, subject, "%s may be spoken for", id)
		}
	}
}

// otherWays looks at SMS and the service account. Nothing is sent: a text message costs money and reaches somebody.
func (d *doctor) otherWays(ctx context.Context) {
	if t := d.c.Family.SMS; t.Provider == "" {
		d.say(skipped, "SMS", "none: who cannot be reached on WeChat is called")
	} else if _, err := sms.NewAliyun(t.config(nil)); err != nil {
		d.say(bad, "SMS", "%v", err)
	} else {
		d.say(good, "SMS", "named with %d templates, not tried", len(t.Templates))
	}
	o := d.c.Family.Official
	if o.AppID == "" {
		d.say(skipped, "服务号", "none: summaries go out by 微信客服 within its window, or by the helper")
		return
	}
	a, err := official.New(official.Config{APIBase: o.APIBase, AppID: o.AppID, Secret: o.Secret, Now: d.now})
	if err == nil {
		defer a.Close()
		_, err = official.NewDoor(o.AppID, o.Callback.Token, o.Callback.EncodingAESKey)
	}
	if err == nil {
		err = a.Token(ctx)
	}
	if err != nil {
		d.say(bad, "服务号", "%v; look at 设置与开发 → 基本配置", err)
		return
	}
	d.say(good, "服务号", "gives tokens, %d notices named", len(o.Notices))
}
