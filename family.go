package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunfang/bot"
	"xunfang/bot/official"
	"xunfang/bot/sms"
	"xunfang/bot/wecom"
	"xunfang/ledger"
	"xunfang/store"
)

// Family is the ways to the elders' children besides 微信客服, which is WeCom.Kf. All may be left out: then somebody calls.
type Family struct {
	MassSend string `yaml:"mass_send"`
	SMS      texts  `yaml:"sms"`
	Official struct {
		APIBase  string `yaml:"api_base"`
		AppID    string `yaml:"app_id"`
		Secret   string `yaml:"secret"`
		Callback struct {
			Path           string `yaml:"path"`
			Token          string `yaml:"token"`
			EncodingAESKey string `yaml:"encoding_aes_key"`
		} `yaml:"callback"`
		Notices map[string]notice `yaml:"notices"`
	} `yaml:"official"`
}

// texts is the provider of text messages.
type texts struct {
	Provider  string                 `yaml:"provider"`
	Endpoint  string                 `yaml:"endpoint"`
	AccessKey string                 `yaml:"access_key"`
	Secret    string                 `yaml:"secret"`
	Sign      string                 `yaml:"sign"`
	Templates map[string]smsTemplate `yaml:"templates"`
}

// config is the provider as bot/sms takes it.
func (t texts) config(now func() time.Time) sms.Config {
	c := sms.Config{Endpoint: t.Endpoint, AccessKey: t.AccessKey, Secret: t.Secret, Sign: t.Sign, Templates: map[string][]string{}, Now: now}
	for _, x := range t.Templates {
		c.Templates[x.Code] = x.Vars
	}
	return c
}

type smsTemplate struct {
	Code string   `yaml:"code"`
	Vars []string `yaml:"vars"`
}

type notice struct {
	Template string            `yaml:"template"`
	Fields   map[string]string `yaml:"fields"`
}

// accounts are the 微信客服 accounts: one or a list of them.
func (c Config) accounts() []string {
	return slices.DeleteFunc(slices.Clone([]string(c.WeCom.Kf.OpenKfid)), func(id string) bool { return id == "" })
}

// purposes are what templates can be for.
var purposes = []string{string(ledger.WordEmergency), string(ledger.WordSummary), string(ledger.WordConfirm), string(ledger.WordUrge), string(ledger.WordGreeting),
	string(ledger.WordPassed)}

// judge reports what is wrong with the ways to families.
func (f Family) judge(wecomPath string, bad func(key, format string, args ...any), oneOf func(key, got string, accepted ...string)) {
	oneOf("mass_send", f.MassSend, "on", "off")
	if p := f.SMS.Provider; p != "" && p != "aliyun" {
		bad("provider", "%q is not aliyun, the only one so far; leave it empty for none", p)
	}
	for _, names := range [][]string{slices.Sorted(maps.Keys(f.SMS.Templates)), slices.Sorted(maps.Keys(f.Official.Notices))} {
		for _, name := range names {
			if !slices.Contains(purposes, name) {
				bad(name, "%q is none of %s", name, strings.Join(purposes, ", "))
			}
		}
	}
	switch p := f.Official.Callback.Path; {
	case !strings.HasPrefix(p, "/"):
		bad("official", "callback.path must begin with /")
	case p == wecomPath || slices.Contains([]string{"/healthz", "/readyz", "/metrics"}, p):
		bad("official", "callback.path %s is taken; name another", p)
	}
}

// families joins the ways to the elders' children.
func (c Config) families(s *store.Store, w *wecom.Client, now func() time.Time) (bot.Families, error) {
	out := bot.Families{Accounts: c.accounts(), SMSes: map[string]bot.SMSTemplate{}, Notices: map[string]bot.Notice{}}
	if len(out.Accounts) > 0 {
		kf, err := c.kfClient(s, w, now)
		if err != nil {
			return out, err
		}
		out.Kf = kf
	}
	if c.Family.MassSend == "on" {
		out.Mass = w
	}
	if t := c.Family.SMS; t.Provider == "aliyun" {
		for purpose, x := range t.Templates {
			out.SMSes[purpose] = bot.SMSTemplate{Code: x.Code, Vars: x.Vars}
		}
		p, err := sms.NewAliyun(t.config(now))
		if err != nil {
			return out, configError{"family.sms: " + err.Error()}
		}
		out.SMS = p
	}
	if o := c.Family.Official; o.AppID != "" {
		account, err := official.New(official.Config{APIBase: o.APIBase, AppID: o.AppID, Secret: o.Secret, Now: now})
		if err != nil {
			return out, configError{"family." + err.Error()}
		}
		door, err := official.NewDoor(o.AppID, o.Callback.Token, o.Callback.EncodingAESKey)
		if err != nil {
			return out, configError{"family." + err.Error()}
		}
		out.Official, out.Door, out.AppID, out.DoorPath = account, door, o.AppID, o.Callback.Path
		for purpose, n := range o.Notices {
			out.Notices[purpose] = bot.Notice{Template: n.Template, Fields: n.Fields}
		}
	}
	return out, nil
}

// kfClient speaks for 微信客服: since 2023-12-01 with the app's own secret, for corps of before with that of 微信客服 (wecom/94670).
func (c Config) kfClient(s *store.Store, w *wecom.Client, now func() time.Time) (*wecom.Client, error) {
	if c.WeCom.Kf.Secret == "" || c.WeCom.Kf.Secret == c.WeCom.Secret {
		return w, nil
	}
	kf, err := wecom.NewClient(wecom.Config{APIBase: c.WeCom.APIBase, CorpID: c.WeCom.CorpID, AgentID: c.WeCom.AgentID, Secret: c.WeCom.Kf.Secret,
		Tokens: s.Tokens(c.WeCom.CorpID + "/" + strconv.Itoa(c.WeCom.AgentID) + "/kf"), Now: now})
	if err != nil {
		return nil, configError{"wecom.kf: " + err.Error()}
	}
	return kf, nil
}

// kfGranted says of each account whether the app may speak for it: "" or why not.
func kfGranted(ctx context.Context, w *wecom.Client, ids []string) (map[string]string, error) {
	all, err := w.KfAccounts(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, id := range ids {
		out[id] = "not among the accounts that the app sees"
		for _, a := range all {
			switch {
			case a.OpenKfID == id && a.Granted:
				out[id] = ""
			case a.OpenKfID == id:
				out[id] = "seen, but not handed over to the app"
			}
		}
	}
	return out, nil
}
