package official

import (
	"encoding/base64"
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/silenceper/wechat/v2/util"
)

const (
	callbackToken = "spamtest"
	aesKey        = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	timestamp     = "1770828423"
	nonce         = "9320562132" // sorts after the timestamp, so that digits can be moved between them
)

func door(t testing.TB) *Door {
	t.Helper()
	d, err := NewDoor(appID, callbackToken, aesKey)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sealed(t testing.TB, plain, receiver string) string {
	t.Helper()
	b, err := util.EncryptMsg([]byte("0123456789abcdef"), []byte(plain), receiver, aesKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func envelope(encrypt string) []byte {
	return []byte("<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName><Encrypt><![CDATA[" + encrypt + "]]></Encrypt></xml>")
}

// query is as WeChat sends it: the plain signature is there, too, and covers nothing of the body.
func query(encrypt string) url.Values {
	return url.Values{"signature": {util.Signature(callbackToken, timestamp, nonce)}, "timestamp": {timestamp}, "nonce": {nonce},
		"openid": {openID}, "encrypt_type": {"aes"}, "msg_signature": {util.Signature(callbackToken, timestamp, nonce, encrypt)}}
}

const head = "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName><FromUserName><![CDATA[" + openID + "]]></FromUserName><CreateTime>1770828423</CreateTime>"

func event(name, rest string) string {
	return head + "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[" + name + "]]></Event>" + rest + "</xml>"
}

// The shapes of developers.weixin.qq.com/doc/service: 接收事件推送, 订阅通知 事件推送.
func TestParse(t *testing.T) {
	base := Event{Account: "gh_0123456789ab", From: openID, Time: 1770828423}
	for _, c := range []struct {
		name, xml string
		want      func(*Event)
	}{
		{"text", head + "<MsgType>text</MsgType><Content><![CDATA[妈妈好吗<&>]]></Content><MsgId>1234567890123456</MsgId></xml>",
			func(e *Event) { e.Kind, e.Text, e.MsgID = "text", "妈妈好吗<&>", "1234567890123456" }},
		{"follow", event("subscribe", "<EventKey></EventKey>"), func(e *Event) { e.Kind = Subscribe }},
		{"follow by a scan", event("subscribe", "<EventKey><![CDATA[qrscene_v1.k1.ABC.mac]]></EventKey><Ticket><![CDATA[T]]></Ticket>"),
			func(e *Event) { e.Kind, e.Scene, e.key = Subscribe, "v1.k1.ABC.mac", "qrscene_v1.k1.ABC.mac" }},
		{"a scene named like the prefix", event("subscribe", "<EventKey>qrscene_qrscene_1</EventKey>"),
			func(e *Event) { e.Kind, e.Scene, e.key = Subscribe, "qrscene_1", "qrscene_qrscene_1" }},
		{"follow by something else", event("subscribe", "<EventKey>last_trade_no_4</EventKey>"),
			func(e *Event) { e.Kind, e.key = Subscribe, "last_trade_no_4" }},
		{"scan of a follower", event("SCAN", "<EventKey>v1.k1.ABC.mac</EventKey><Ticket>T</Ticket>"),
			func(e *Event) { e.Kind, e.Scene, e.key = Scan, "v1.k1.ABC.mac", "v1.k1.ABC.mac" }},
		{"unfollow", event("unsubscribe", ""), func(e *Event) { e.Kind = Unsubscribe }},
		{"menu", event("CLICK", "<EventKey>HELP</EventKey>"), func(e *Event) { e.Kind, e.key = "CLICK", "HELP" }},
		{"allowed and refused", event("subscribe_msg_popup_event", `<SubscribeMsgPopupEvent>
  <List><TemplateId><![CDATA[T1]]></TemplateId><SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString><PopupScene>1</PopupScene></List>
  <List><TemplateId><![CDATA[T2]]></TemplateId><SubscribeStatusString><![CDATA[reject]]></SubscribeStatusString><PopupScene>2</PopupScene></List>
</SubscribeMsgPopupEvent>`), func(e *Event) {
			e.Kind, e.Lists = Popup, []Choice{{Template: "T1", Accept: true, Popup: "1"}, {Template: "T2", Popup: "2"}}
		}},
		{"withdrawn", event("subscribe_msg_change_event", `<SubscribeMsgChangeEvent><List><TemplateId>T1</TemplateId><SubscribeStatusString>reject</SubscribeStatusString></List></SubscribeMsgChangeEvent>`),
			func(e *Event) { e.Kind, e.Lists = Change, []Choice{{Template: "T1"}} }},
		{"an answer nobody knows", event("subscribe_msg_change_event", `<SubscribeMsgChangeEvent><List><TemplateId>T1</TemplateId><SubscribeStatusString>accepted?</SubscribeStatusString></List></SubscribeMsgChangeEvent>`),
			func(e *Event) { e.Kind, e.Lists = Change, []Choice{{Template: "T1"}} }},
		{"delivered", event("subscribe_msg_sent_event", `<SubscribeMsgSentEvent><List><TemplateId>T1</TemplateId><MsgID>1700827132819554304</MsgID><ErrorCode>0</ErrorCode><ErrorStatus><![CDATA[success]]></ErrorStatus></List></SubscribeMsgSentEvent>`),
			func(e *Event) {
				e.Kind, e.Lists = Sent, []Choice{{Template: "T1", MsgID: "1700827132819554304", Why: "success"}}
			}},
		{"not delivered", event("subscribe_msg_sent_event", `<SubscribeMsgSentEvent><List><TemplateId>T1</TemplateId><MsgID>1</MsgID><ErrorCode>43101</ErrorCode><ErrorStatus>user refuse to accept the msg</ErrorStatus></List></SubscribeMsgSentEvent>`),
			func(e *Event) {
				e.Kind, e.Lists = Sent, []Choice{{Template: "T1", MsgID: "1", Code: 43101, Why: "user refuse to accept the msg"}}
			}},
		{"no number is no success", event("subscribe_msg_sent_event", `<SubscribeMsgSentEvent><List><TemplateId>T1</TemplateId><MsgID>1</MsgID></List></SubscribeMsgSentEvent>`),
			func(e *Event) { e.Kind, e.Lists = Sent, []Choice{{Template: "T1", MsgID: "1", Code: -1}} }},
		{"template job", event("TEMPLATESENDJOBFINISH", "<MsgID>200163836</MsgID><Status><![CDATA[failed:user block]]></Status>"),
			func(e *Event) { e.Kind, e.MsgID, e.Status = "TEMPLATESENDJOBFINISH", "200163836", "failed:user block" }},
		{"unknown", event("sneeze", "<Hue>3</Hue>"), func(e *Event) { e.Kind = "sneeze" }},
	} {
		want := base
		c.want(&want)
		want.Raw = []byte(c.xml)
		got, err := Parse([]byte(c.xml))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", c.name, err, got, want)
		}
		encrypt := sealed(t, c.xml, appID)
		opened, err := door(t).Open(query(encrypt), envelope(encrypt))
		if err != nil || !reflect.DeepEqual(opened, got) || opened.Key() != got.Key() {
			t.Errorf("%s: %+v, %v", c.name, opened, err)
		}
	}
	for _, bad := range []string{"", "hello", "<xml>", "<a/>", "<xml/>", "<xml><MsgType>text</MsgType></xml>", `{"Event":"subscribe"}`,
		"<xml><FromUserName>o</FromUserName><MsgType>event</MsgType><Event>&x;</Event></xml>"} {
		if _, err := Parse([]byte(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestKey(t *testing.T) {
	seen := map[string]string{}
	add := func(name, xml string) {
		e, err := Parse([]byte(xml))
		if err != nil {
			t.Fatal(name, err)
		}
		k := e.Key()
		if len(k) > 64 || strings.Contains(k, openID) {
			t.Errorf("%s: key %s", name, k)
		}
		if other, dup := seen[k]; dup {
			t.Errorf("%s and %s share a key", name, other)
		}
		seen[k] = name
		again, _ := Parse([]byte(strings.Replace(xml, "<Ticket>T", "<Ticket>T2", 1)))
		if again.Key() != k {
			t.Errorf("%s: redelivered, it is a new one", name)
		}
	}
	list := func(template, status string) string {
		return "<SubscribeMsgPopupEvent><List><TemplateId>" + template + "</TemplateId><SubscribeStatusString>" + status + "</SubscribeStatusString></List></SubscribeMsgPopupEvent>"
	}
	add("follow", event("subscribe", ""))
	add("follow by a scan", event("subscribe", "<EventKey>qrscene_1</EventKey><Ticket>T</Ticket>"))
	add("scan", event("SCAN", "<EventKey>qrscene_1</EventKey><Ticket>T</Ticket>"))
	add("scan of another code", event("SCAN", "<EventKey>2</EventKey>"))
	add("unfollow", event("unsubscribe", ""))
	add("a second later", strings.Replace(event("unsubscribe", ""), "423<", "424<", 1))
	add("another person", strings.Replace(event("unsubscribe", ""), openID, openID+"2", 1))
	add("allowed", event(Popup, list("T1", "accept")))
	add("refused in the same second", event(Popup, list("T1", "reject")))
	add("another template", event(Popup, list("T2", "accept")))
	add("two templates", event(Popup, list("T1", "accept")+list("T2", "accept")))
	add("message", head+"<MsgType>text</MsgType><Content>a</Content><MsgId>1</MsgId></xml>")
	add("another message", head+"<MsgType>text</MsgType><Content>a</Content><MsgId>2</MsgId></xml>")
	add("template job", event("TEMPLATESENDJOBFINISH", "<MsgID>1</MsgID><Status>success</Status>"))
}

func TestVerify(t *testing.T) {
	d := door(t)
	ask := func(echo string) url.Values {
		return url.Values{"signature": {util.Signature(callbackToken, timestamp, nonce)}, "timestamp": {timestamp}, "nonce": {nonce},
			"echostr": {echo}}
	}
	if echo, err := d.Verify(ask("5838479218127813673")); err != nil || string(echo) != "5838479218127813673" {
		t.Errorf("%q, %v", echo, err)
	}
	for name, change := range map[string]func(url.Values){
		"no signature":    func(q url.Values) { q.Del("signature") },
		"another's":       func(q url.Values) { q.Set("signature", util.Signature("guess", timestamp, nonce)) },
		"capitals":        func(q url.Values) { q.Set("signature", strings.ToUpper(q.Get("signature"))) },
		"another nonce":   func(q url.Values) { q.Set("nonce", nonce+"1") },
		"no timestamp":    func(q url.Values) { q.Del("timestamp") },
		"moved digits":    func(q url.Values) { q.Set("nonce", timestamp[9:]+nonce); q.Set("timestamp", timestamp[:9]) },
		"no echo":         func(q url.Values) { q.Del("echostr") },
		"a page for echo": func(q url.Values) { q.Set("echostr", "<script>1</script>") },
		"a long echo":     func(q url.Values) { q.Set("echostr", strings.Repeat("1", 129)) },
		"for the POST":    func(q url.Values) { q.Set("msg_signature", q.Get("signature")); q.Del("signature") },
	} {
		q := ask("5838479218127813673")
		change(q)
		if echo, err := d.Verify(q); err == nil || echo != nil {
			t.Errorf("%s: %q", name, echo)
		}
	}
}

// What is not exactly WeChat's does not come in, whatever it is.
func TestOpenRefuses(t *testing.T) {
	d := door(t)
	plain := event("subscribe", "")
	good := sealed(t, plain, appID)
	flip := func(s string, at int) string {
		b := []byte(s)
		b[at] ^= 1
		return string(b)
	}
	signed := func(encrypt string) (url.Values, []byte) { return query(encrypt), envelope(encrypt) }
	for name, c := range map[string]struct {
		query url.Values
		body  []byte
		want  error
	}{
		"plaintext with the plain signature": {query(good), []byte(plain), ErrMalformed},
		"plaintext beside the ciphertext": {url.Values{"signature": query(good)["signature"], "timestamp": {timestamp}, "nonce": {nonce}},
			[]byte(strings.Replace(plain, "</xml>", "<Encrypt>"+good+"</Encrypt></xml>", 1)), ErrSignature},
		"no body":              {query(good), nil, ErrMalformed},
		"no XML":               {query(good), []byte("hello"), ErrMalformed},
		"another root":         {query(good), []byte("<a><Encrypt>" + good + "</Encrypt></a>"), ErrMalformed},
		"no ciphertext":        {query(""), envelope(""), ErrMalformed},
		"no query":             {nil, envelope(good), ErrMalformed},
		"no signature":         {url.Values{"timestamp": {timestamp}, "nonce": {nonce}}, envelope(good), ErrSignature},
		"another ciphertext":   {query(good), envelope(sealed(t, plain+" ", appID)), ErrSignature},
		"a byte of it changed": {query(good), envelope(flip(good, 40)), ErrSignature},
		"too large":            {query(good), append(envelope(good), strings.Repeat(" ", MaxBody)...), ErrMalformed},
		"two ciphertexts": {query(good), []byte("<xml><Encrypt>" + good + "</Encrypt><Encrypt>" + sealed(t, plain+" ", appID) + "</Encrypt></xml>"),
			ErrSignature},
		"an entity": {query(good), []byte(`<!DOCTYPE xml [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>`), ErrMalformed},
	} {
		if e, err := d.Open(c.query, c.body); !errors.Is(err, c.want) || !reflect.DeepEqual(e, Event{}) {
			t.Errorf("%s: %+v, %v; want %v", name, e, err, c.want)
		}
	}
	// Rightly signed, and still not WeChat's.
	raw, err := base64.StdEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, encrypt := range map[string]string{
		"for another account": sealed(t, plain, appID+"x"),
		"no plaintext":        sealed(t, "", appID),
		"no event":            sealed(t, "hello", appID),
		"no base64":           "*" + good,
		"line ends":           good[:20] + "\n" + good[20:],
		"one block":           base64.StdEncoding.EncodeToString(raw[:16]),
		"half":                base64.StdEncoding.EncodeToString(raw[:len(raw)/2/16*16]),
		"odd":                 base64.StdEncoding.EncodeToString(raw[:len(raw)-1]),
		"zeros":               base64.StdEncoding.EncodeToString(make([]byte, 64)),
	} {
		q, body := signed(encrypt)
		if e, err := d.Open(q, body); !errors.Is(err, ErrMalformed) || !reflect.DeepEqual(e, Event{}) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	// Every signature that differs in one digit, and every ciphertext cut short.
	q, body := signed(good)
	right := q.Get("msg_signature")
	for i := range right {
		q.Set("msg_signature", right[:i]+string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", right[i])+1)%16])+right[i+1:])
		if _, err := d.Open(q, body); !errors.Is(err, ErrSignature) {
			t.Errorf("digit %d: %v", i, err)
		}
	}
	for n := range good {
		q, body := signed(good[:n])
		if _, err := d.Open(q, body); err == nil {
			t.Errorf("%d of %d characters passed", n, len(good))
		}
	}
}

func FuzzOpen(f *testing.F) {
	d := door(f)
	good := sealed(f, event("subscribe", ""), appID)
	f.Add(good, true)
	f.Add("", false)
	f.Add(strings.Repeat("A", 43)+"=", true)
	f.Fuzz(func(t *testing.T, encrypt string, sign bool) {
		q := query(good)
		if sign {
			q = query(encrypt)
		}
		e, err := d.Open(q, envelope(encrypt))
		if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrSignature) {
			t.Errorf("%v", err)
		}
		if err == nil && (e.From != openID || !sign && encrypt != good) {
			t.Errorf("came in: %q", encrypt)
		}
	})
}

func TestNewDoor(t *testing.T) {
	for _, c := range []struct {
		appID, token, key string
		faults            int
	}{{appID, callbackToken, aesKey, 0}, {"", "", "", 3}, {appID, "ab", aesKey, 1}, {appID, strings.Repeat("a", 33), aesKey, 1},
		{appID, "with space", aesKey[:42], 2}, {appID, callbackToken, aesKey[:42] + "+", 1}} {
		d, err := NewDoor(c.appID, c.token, c.key)
		faults := 0
		if err != nil {
			faults = 1 + strings.Count(err.Error(), "\n")
		}
		if faults != c.faults || (d == nil) != (c.faults > 0) {
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil && c.key != "" && strings.Contains(err.Error(), c.key) {
			t.Errorf("quotes the key: %v", err)
		}
	}
}
