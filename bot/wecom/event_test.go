package wecom

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// The members and corps in these samples are invented, most by WeCom's own pages.

const head = "<xml><ToUserName><![CDATA[CORPID]]></ToUserName><FromUserName><![CDATA[ZhangSan]]></FromUserName><CreateTime>1348831860</CreateTime>"

const contactHead = "<xml><ToUserName>CORPID</ToUserName><FromUserName>sys</FromUserName><CreateTime>1348831860</CreateTime><MsgType>event</MsgType><Event>change_external_contact</Event>"

func TestParseEvent(t *testing.T) {
	base := Event{ToUser: "CORPID", From: "zhangsan", CreateTime: 1348831860}
	with := func(f func(*Event)) Event { e := base; f(&e); return e }
	event := func(name string, f func(*Event)) Event {
		return with(func(e *Event) { e.MsgType, e.Event, e.AgentID = "event", name, 1; f(e) })
	}
	changed := func(change string, f func(*Event)) Event {
		e := Event{ToUser: "CORPID", From: "sys", CreateTime: 1348831860, MsgType: "event", Event: "change_external_contact",
			ChangeType: change, UserID: "zhangsan", ExternalUserID: "wmTEST7Invented"} // its case is its own
		f(&e)
		return e
	}
	for _, c := range []struct {
		name, xml string
		want      Event
	}{
		{"text", head + "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[<a&b>]]></Content><MsgId>12</MsgId><AgentID>1</AgentID></xml>",
			with(func(e *Event) { e.MsgType, e.Content, e.MsgID, e.AgentID = "text", "<a&b>", "12", 1 })},
		{"text with entities", head + "<MsgType>text</MsgType><Content>a &lt;b&gt; &amp; &#x4E2D;&#10;</Content><MsgId>12</MsgId></xml>",
			with(func(e *Event) { e.MsgType, e.Content, e.MsgID = "text", "a <b> & 中\n", "12" })},
		{"text in pieces", head + "<MsgType>text</MsgType><Content>a<![CDATA[b]]]]><![CDATA[>c]]><!-- x -->d</Content></xml>",
			with(func(e *Event) { e.MsgType, e.Content = "text", "ab]]>cd" })},
		{"declaration and attributes", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n" + head + "<MsgType a='b'>text</MsgType></xml>\r\n",
			with(func(e *Event) { e.MsgType = "text" })},
		{"foreign namespace", head + "<MsgType>text</MsgType><Content>a</Content><x:Content xmlns:x='u'>b</x:Content></xml>",
			with(func(e *Event) { e.MsgType, e.Content = "text", "a" })},
		{"image", head + "<MsgType>image</MsgType><PicUrl>http://p/1</PicUrl><MediaId>M</MediaId><MsgId>12</MsgId></xml>",
			with(func(e *Event) { e.MsgType, e.PicURL, e.MediaID, e.MsgID = "image", "http://p/1", "M", "12" })},
		{"voice", head + "<MsgType>voice</MsgType><MediaId>M</MediaId><Format>amr</Format></xml>",
			with(func(e *Event) { e.MsgType, e.MediaID, e.Format = "voice", "M", "amr" })},
		{"video", head + "<MsgType>video</MsgType><MediaId>M</MediaId><ThumbMediaId>T</ThumbMediaId></xml>",
			with(func(e *Event) { e.MsgType, e.MediaID, e.ThumbMediaID = "video", "M", "T" })},
		{"location", head + "<MsgType>location</MsgType><Location_X>38.28</Location_X><Location_Y>106.25</Location_Y><Scale>16</Scale><Label>望远村</Label><AppType>wxwork</AppType></xml>",
			with(func(e *Event) {
				e.MsgType, e.Lat, e.Lon, e.Scale, e.Label, e.AppType = "location", 38.28, 106.25, 16, "望远村", "wxwork"
			})},
		{"link", head + "<MsgType>link</MsgType><Title>t</Title><Description>d</Description><Url>http://u</Url><PicUrl>http://p</PicUrl></xml>",
			with(func(e *Event) {
				e.MsgType, e.Title, e.Description, e.URL, e.PicURL = "link", "t", "d", "http://u", "http://p"
			})},
		{"unknown type", head + "<MsgType>hologram</MsgType><Hue>3</Hue></xml>", with(func(e *Event) { e.MsgType = "hologram" })},
		{"bad numbers", head + "<MsgType>location</MsgType><Location_X>NaN</Location_X><Location_Y>1e999</Location_Y><Scale>x</Scale><AgentID></AgentID></xml>",
			with(func(e *Event) { e.MsgType = "location" })},
		{"nothing known", "<xml><Hue>3</Hue></xml>", Event{}},
		{"empty", "<xml/>", Event{}},
		{"enter_agent", head + "<MsgType>event</MsgType><Event>enter_agent</Event><EventKey><![CDATA[]]></EventKey><AgentID>1</AgentID></xml>",
			event("enter_agent", func(*Event) {})},
		{"unknown event", head + "<MsgType>event</MsgType><Event>sneeze</Event><AgentID>1</AgentID></xml>", event("sneeze", func(*Event) {})},
		{"LOCATION", head + "<MsgType>event</MsgType><Event>LOCATION</Event><Latitude>23.1</Latitude><Longitude>113.3</Longitude><Precision>119.5</Precision><AgentID>1</AgentID></xml>",
			event("LOCATION", func(e *Event) { e.Lat, e.Lon, e.Precision = 23.1, 113.3, 119.5 })},
		{"click", head + "<MsgType>event</MsgType><Event>click</Event><EventKey>HELP</EventKey><AgentID>1</AgentID></xml>",
			event("click", func(e *Event) { e.EventKey = "HELP" })},
		{"scancode", head + "<MsgType>event</MsgType><Event>scancode_waitmsg</Event><EventKey>S</EventKey><ScanCodeInfo><ScanType>qrcode</ScanType><ScanResult>1</ScanResult></ScanCodeInfo><AgentID>1</AgentID></xml>",
			event("scancode_waitmsg", func(e *Event) { e.EventKey, e.ScanType, e.ScanResult = "S", "qrcode", "1" })},
		{"pictures", head + "<MsgType>event</MsgType><Event>pic_weixin</Event><EventKey>P</EventKey><SendPicsInfo><Count>2</Count><PicList><item><PicMd5Sum>a</PicMd5Sum></item><item><PicMd5Sum>b</PicMd5Sum></item></PicList></SendPicsInfo><AgentID>1</AgentID></xml>",
			event("pic_weixin", func(e *Event) { e.EventKey, e.PicCount, e.PicMD5s = "P", 2, []string{"a", "b"} })},
		{"location_select", head + "<MsgType>event</MsgType><Event>location_select</Event><EventKey>L</EventKey><SendLocationInfo><Location_X>23</Location_X><Location_Y>113</Location_Y><Scale>15</Scale><Label>l</Label><Poiname>p</Poiname></SendLocationInfo><AgentID>1</AgentID></xml>",
			event("location_select", func(e *Event) {
				e.EventKey, e.Lat, e.Lon, e.Scale, e.Label, e.Poi = "L", 23, 113, 15, "l", "p"
			})},
		{"template_card_event", head + `<MsgType>event</MsgType><Event>template_card_event</Event><EventKey>k</EventKey><TaskId>t</TaskId>
  <CardType>vote_interaction</CardType><ResponseCode>R</ResponseCode><AgentID>1</AgentID>
  <SelectedItems>
    <SelectedItem><QuestionKey>q1</QuestionKey><OptionIds><OptionId>o1</OptionId><OptionId>o2</OptionId></OptionIds></SelectedItem>
    <SelectedItem><QuestionKey>q2</QuestionKey><OptionIds><OptionId>o3</OptionId></OptionIds></SelectedItem>
    <SelectedItem><QuestionKey>q3</QuestionKey><OptionIds></OptionIds></SelectedItem>
  </SelectedItems></xml>`,
			event("template_card_event", func(e *Event) {
				e.EventKey, e.TaskID, e.CardType, e.ResponseCode = "k", "t", "vote_interaction", "R"
				e.Picks = map[string][]string{"q1": {"o1", "o2"}, "q2": {"o3"}, "q3": nil}
			})},
		{"batch_job_result", head + "<MsgType>event</MsgType><Event>batch_job_result</Event><BatchJob><JobId>j</JobId><JobType>sync_user</JobType><ErrCode>5</ErrCode><ErrMsg>m</ErrMsg></BatchJob><AgentID>1</AgentID></xml>",
			event("batch_job_result", func(e *Event) { e.JobID, e.JobType, e.JobCode, e.JobMsg = "j", "sync_user", 5, "m" })},
		{"change_contact", head + "<MsgType>event</MsgType><Event>change_contact</Event><AgentID>1</AgentID><ChangeType>update_user</ChangeType><UserID>LiSi</UserID><NewUserID>LiSi2</NewUserID><Name>n</Name><Department>1,2</Department><ExtAttr><Item><Name>爱好</Name><Type>0</Type><Text><Value>旅游</Value></Text></Item><Item><Name>卡号</Name><Type>1</Type><Web><Title>w</Title><Url>http://u</Url></Web></Item></ExtAttr></xml>",
			event("change_contact", func(e *Event) {
				e.ChangeType, e.UserID, e.NewUserID, e.Name, e.Departments = "update_user", "lisi", "lisi2", "n", "1,2"
				e.Attrs = []Attr{{"爱好", "旅游", ""}, {"卡号", "w", "http://u"}}
			})},
		{"change of a party and a tag", head + "<MsgType>event</MsgType><Event>change_contact</Event><AgentID>1</AgentID><ChangeType>update_tag</ChangeType><Id>2</Id><ParentId><![CDATA[1]]></ParentId><TagId>7</TagId><AddUserItems>a,b</AddUserItems><DelUserItems>c</DelUserItems><AddPartyItems>1</AddPartyItems><DelPartyItems>3</DelPartyItems></xml>",
			event("change_contact", func(e *Event) {
				e.ChangeType, e.ID, e.ParentID, e.TagID, e.AddUsers, e.DelUsers, e.AddParties, e.DelParties = "update_tag", "2", "1", "7", "a,b", "c", "1", "3"
			})},
		{"a new contact", contactHead + "<ChangeType><![CDATA[add_external_contact]]></ChangeType><UserID><![CDATA[ZhangSan]]></UserID><ExternalUserID><![CDATA[wmTEST7Invented]]></ExternalUserID><State><![CDATA[ABCDEFGHJK]]></State><WelcomeCode><![CDATA[CODE]]></WelcomeCode></xml>",
			changed("add_external_contact", func(e *Event) { e.State, e.WelcomeCode = "ABCDEFGHJK", "CODE" })},
		{"a lost contact", contactHead + "<ChangeType>del_follow_user</ChangeType><UserID>ZhangSan</UserID><ExternalUserID>wmTEST7Invented</ExternalUserID></xml>",
			changed("del_follow_user", func(*Event) {})},
		{"a contact given up", contactHead + "<ChangeType>del_external_contact</ChangeType><UserID>ZhangSan</UserID><ExternalUserID>wmTEST7Invented</ExternalUserID><Source>DELETE_BY_TRANSFER</Source></xml>",
			changed("del_external_contact", func(e *Event) { e.Source = "DELETE_BY_TRANSFER" })},
		{"a transfer that failed", contactHead + "<ChangeType>transfer_fail</ChangeType><FailReason>customer_refused</FailReason><UserID>ZhangSan</UserID><ExternalUserID>wmTEST7Invented</ExternalUserID></xml>",
			changed("transfer_fail", func(e *Event) { e.FailReason = "customer_refused" })},
		{"kf_msg_or_event", "<xml><ToUserName><![CDATA[CORPID]]></ToUserName><CreateTime>1348831860</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[kf_msg_or_event]]></Event><Token><![CDATA[ENCApHxnGDNAVNY4AaSJKj4Tb5mwsEMzxhFmHVGcra996NR]]></Token><OpenKfId><![CDATA[wkTEST7Invented]]></OpenKfId></xml>",
			Event{ToUser: "CORPID", CreateTime: 1348831860, MsgType: "event", Event: "kf_msg_or_event",
				Token: "ENCApHxnGDNAVNY4AaSJKj4Tb5mwsEMzxhFmHVGcra996NR", OpenKfID: "wkTEST7Invented"}},
	} {
		got, ok := parseEvent(new(walker), c.xml)
		if !ok || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", c.name, ok, got, c.want)
		}
	}
}

// An event kept in the inbox and read again is the event that came in.
func TestParse(t *testing.T) {
	for _, v := range postVectors {
		came, err := door(t, v.corp).Open(v.query().Encode(), envelope(v.encrypt))
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(came.Raw)
		if err != nil || !reflect.DeepEqual(again, came) || again.Key() != came.Key() {
			t.Errorf("%s: %+v, %v", v.name, again, err)
		}
	}
	for _, bad := range []string{"", "hello", "<xml>", "<a/>"} {
		if _, err := Parse([]byte(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestKey(t *testing.T) {
	tap := Event{From: "u1", CreateTime: 5, MsgType: "event", Event: "template_card_event", EventKey: "k", TaskID: "t", AgentID: 1}
	again := tap
	again.ResponseCode = "another code"
	if tap.Key() != again.Key() {
		t.Error("a redelivered tap is a new one")
	}
	seen := map[string]string{}
	add := func(name string, e Event) {
		k := e.Key()
		if len(k) > 64 {
			t.Errorf("%s: key of %d characters", name, len(k))
		}
		if other, dup := seen[k]; dup {
			t.Errorf("%s and %s share a key", name, other)
		}
		seen[k] = name
	}
	vary := func(f func(*Event)) Event { e := tap; f(&e); return e }
	add("tap", tap)
	add("other member", vary(func(e *Event) { e.From = "u2" }))
	add("a second later", vary(func(e *Event) { e.CreateTime++ }))
	add("other event", vary(func(e *Event) { e.Event = "click" }))
	add("other button", vary(func(e *Event) { e.EventKey = "k2" }))
	add("other card", vary(func(e *Event) { e.TaskID = "t2" }))
	add("other app", vary(func(e *Event) { e.AgentID = 2 }))
	add("other change", vary(func(e *Event) { e.ChangeType = "update_user" }))
	add("change of another", vary(func(e *Event) { e.ChangeType, e.UserID = "update_user", "u3" }))
	add("change of a department", vary(func(e *Event) { e.ChangeType, e.ID = "update_user", "3" }))
	add("job", vary(func(e *Event) { e.JobID = "j" }))
	contact := Event{From: "sys", CreateTime: 5, MsgType: "event", Event: "change_external_contact", ChangeType: "add_external_contact",
		UserID: "u1", ExternalUserID: "wm1"}
	add("contact", contact)
	half := contact
	half.ChangeType = "add_half_external_contact"
	add("half a contact", half)
	contact.ExternalUserID = "wm2"
	add("another contact in the same second", contact)
	kf := Event{CreateTime: 5, MsgType: "event", Event: "kf_msg_or_event", Token: "t1", OpenKfID: "wk1"}
	add("kf", kf)
	kf.Token = "t2"
	add("another message to kf in the same second", kf)
	kf.Token, kf.OpenKfID = "t1", "wk2"
	add("another kf account", kf)
	add("moved separator 1", vary(func(e *Event) { e.EventKey, e.TaskID = "a|b", "c" }))
	add("moved separator 2", vary(func(e *Event) { e.EventKey, e.TaskID = "a", "b|c" }))
	add("long", vary(func(e *Event) { e.EventKey = strings.Repeat("k", 1024) }))
	add("message", Event{From: "u1", MsgType: "text", MsgID: "1"})
	add("other message", Event{From: "u1", MsgType: "text", MsgID: "2"})
	add("same id, other sender", Event{From: "u2", MsgType: "text", MsgID: "1"})
	add("message without id", Event{From: "u1", MsgType: "text", Raw: []byte("<xml>1</xml>")})
	add("other message without id", Event{From: "u1", MsgType: "text", Raw: []byte("<xml>2</xml>")})
}

// The walker may decline, but what it accepts it must read as encoding/xml does.
func FuzzWalk(f *testing.F) {
	for _, v := range postVectors {
		f.Add(v.plain)
	}
	for _, s := range []string{
		head + "<MsgType>text</MsgType><Content>a]]b</Content></xml>", "<xml><a>]]></a></xml>", "<xml><a/></xml> x", "<xml></xml><xml/>",
		"<xml><Content>\r\n</Content></xml>", "<xml><Content>&lt;&#x0;</Content></xml>", "<xml><Content>\x01</Content></xml>",
		"<xml><Content>\xff</Content></xml>", "<xml><Content>\ufffe</Content></xml>", "<xml><Content>\uffff</Content></xml>", "<xml><a b='c'/></xml>", "<xml><!-- a --></xml>", "<![CDATA[ ]]><xml/>", "<xml>", "</xml>",
		"<xml><SelectedItems><SelectedItem><QuestionKey>q</QuestionKey><OptionIds><OptionId>o</OptionId></OptionIds></SelectedItem></SelectedItems></xml>",
		"<xml><Content>a<b>c</b>d</Content></xml>", "<xml\n></xml >", "\ufeff<xml/>", "<xml><1a/></xml>", "<xml><Content><![CDATA[a]]>b<![CDATA[c]]></Content></xml>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !plain(s) {
			return
		}
		fast, ok := readEvent(&walker{s: s})
		if !ok {
			return
		}
		slow, ok := readEvent(newLibrary(s))
		if !ok || !reflect.DeepEqual(fast, slow) {
			t.Errorf("%v\nwalker %+v\nlibrary %+v", ok, fast, slow)
		}
	})
}

// The shapes WeCom really sends must not need the slow way.
func TestWalkerReadsPlainShape(t *testing.T) {
	for _, s := range []string{postVectors[0].plain, postVectors[3].plain, benchMessage,
		"<xml>\n  <Event><![CDATA[a&<b]]></Event><SelectedItems>\n<SelectedItem><OptionIds><OptionId>o</OptionId></OptionIds></SelectedItem></SelectedItems><a/>\n</xml>\n"} {
		if _, ok := readEvent(&walker{s: s}); !ok || !plain(s) {
			t.Errorf("not read by the walker: %s", s)
		}
	}
}
