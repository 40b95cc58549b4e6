package wecom

import (
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/silenceper/wechat/v2/util"
)

func door(t testing.TB, c sampleCorp) *Door {
	t.Helper()
	d, err := NewDoor(c.corp, c.token, c.key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (v vector) query() url.Values {
	return url.Values{"msg_signature": {v.signature}, "timestamp": {v.timestamp}, "nonce": {v.nonce}}
}

// signed is a query whose signature is right for encrypt.
func signed(d *Door, timestamp, nonce, encrypt string) url.Values {
	s := d.sign(new([]byte), timestamp, nonce, encrypt)
	return url.Values{"msg_signature": {string(s[:])}, "timestamp": {timestamp}, "nonce": {nonce}}
}

func envelope(encrypt string) []byte {
	return []byte("<xml><ToUserName><![CDATA[corp]]></ToUserName><AgentID><![CDATA[218]]></AgentID><Encrypt><![CDATA[" +
		encrypt + "]]></Encrypt></xml>")
}

// pack encrypts blocks as they are: what is wrong with them is up to the test.
func pack(d *Door, blocks []byte) string {
	b := slices.Clone(blocks)
	cipher.NewCBCEncrypter(d.block, d.iv[:]).CryptBlocks(b, b)
	return base64.StdEncoding.EncodeToString(b)
}

// letter is random ‖ length ‖ msg ‖ receiver, padded as WeCom pads.
func letter(length uint32, msg, receiver string) []byte {
	b := append([]byte("0123456789abcdef"), binary.BigEndian.AppendUint32(nil, length)...)
	b = append(append(b, msg...), receiver...)
	pad := 32 - len(b)%32
	for range pad {
		b = append(b, byte(pad))
	}
	return b
}

func TestVerifyVectors(t *testing.T) {
	for _, v := range getVectors {
		d := door(t, v.corp)
		q := v.query()
		q.Set("echostr", v.encrypt)
		echo, err := d.Verify(q)
		if err != nil || string(echo) != v.plain {
			t.Errorf("%s: %q, %v; want %q", v.name, echo, err, v.plain)
		}
		q.Set("tenant", "x")
		if _, err := d.Verify(q); err != nil {
			t.Errorf("%s: a parameter of our own: %v", v.name, err)
		}
		last := v.signature[len(v.signature)-1]
		q.Set("msg_signature", v.signature[:39]+string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", last)+1)%16]))
		if echo, err := d.Verify(q); !errors.Is(err, ErrSignature) || echo != nil {
			t.Errorf("%s: last digit changed: %q, %v", v.name, echo, err)
		}
		q.Del("echostr")
		if _, err := d.Verify(q); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: no echostr: %v", v.name, err)
		}
	}
}

func TestOpenVectors(t *testing.T) {
	for _, v := range postVectors {
		d := door(t, v.corp)
		e, err := d.Open(v.query().Encode(), envelope(v.encrypt))
		if err != nil || string(e.Raw) != v.plain {
			t.Errorf("%s: %q, %v", v.name, e.Raw, err)
			continue
		}
		if e.MsgType != "text" || e.ToUser != v.corp.corp || e.From != strings.ToLower(e.From) || e.Content == "" || e.MsgID == "" {
			t.Errorf("%s: %+v", v.name, e)
		}
		// As it comes from another order of elements, and from the contact sync, which names no agent.
		other := "<xml><Encrypt><![CDATA[" + v.encrypt + "]]></Encrypt>\n<ToUserName>corp</ToUserName></xml>"
		if f, err := d.Open("x=1&"+v.query().Encode(), []byte(other)); err != nil || f.Key() != e.Key() {
			t.Errorf("%s: other order: %v", v.name, err)
		}
		if _, err := d.Open(v.query().Encode(), envelope(v.encrypt[1:])); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: first character missing: %v", v.name, err)
		}
	}
	d := door(t, corpD)
	if e, _ := d.Open(postVectors[3].query().Encode(), envelope(postVectors[3].encrypt)); e.From != "wangchaoyi" || e.Content != "密文测试" ||
		e.AgentID != 1000005 || e.CreateTime != 1623301925 || e.MsgID != "6972028683187026694" {
		t.Errorf("D: %+v", e)
	}
	// C2 is signed with C's token and key, for another corp.
	c2 := postVectors[2]
	if e, err := door(t, corpC).Open(c2.query().Encode(), envelope(c2.encrypt)); !errors.Is(err, ErrSignature) || e.Raw != nil {
		t.Errorf("another corp's message: %v", err)
	}
}

func TestSealVectors(t *testing.T) {
	d := door(t, corpA)
	d.random = func(b []byte) error { copy(b, "0123456789abcdef"); return nil }
	for _, v := range sealVectors {
		got, err := d.Seal([]byte(v.plain), v.timestamp, v.nonce)
		if err != nil {
			t.Fatal(v.name, err)
		}
		var x struct{ Encrypt, MsgSignature, TimeStamp, Nonce string }
		if err := xml.Unmarshal(got, &x); err != nil {
			t.Fatal(v.name, err)
		}
		if x.Encrypt != v.encrypt || x.MsgSignature != v.signature || x.TimeStamp != v.timestamp || x.Nonce != v.nonce {
			t.Errorf("%s: %+v", v.name, x)
		}
	}
	e := Event{From: "mycreate", ToUser: corpA.corp}
	if got := PassiveUpdateButton(e, "Done", time.Unix(1409659813, 0)); string(got) != sealVectors[1].plain {
		t.Errorf("passive update: %s", got)
	}
}

func TestSeal(t *testing.T) {
	d := door(t, corpA)
	one, err := d.Seal([]byte("a"), "1409659813", "n]]>n")
	if err != nil {
		t.Fatal(err)
	}
	two, _ := d.Seal([]byte("a"), "1409659813", "n]]>n")
	if string(one) == string(two) {
		t.Error("the same bytes twice: the random prefix is none")
	}
	var x struct{ Encrypt, MsgSignature, TimeStamp, Nonce string }
	if err := xml.Unmarshal(one, &x); err != nil || x.Nonce != "n]]>n" {
		t.Errorf("nonce %q, %v", x.Nonce, err)
	}
	q := url.Values{"msg_signature": {x.MsgSignature}, "timestamp": {x.TimeStamp}, "nonce": {x.Nonce}, "echostr": {x.Encrypt}}
	if echo, err := d.Verify(q); err != nil || string(echo) != "a" {
		t.Errorf("our own seal: %q, %v", echo, err)
	}
	for _, bad := range [][2]string{{"140965981", "n"}, {"1409659813", ""}, {"<bad>", "n"}} {
		if out, err := d.Seal([]byte("a"), bad[0], bad[1]); err == nil || out != nil {
			t.Errorf("sealed with %q", bad)
		}
	}
	d.random = func([]byte) error { return errors.New("no entropy") }
	if out, err := d.Seal([]byte("a"), "1409659813", "n"); err == nil || out != nil {
		t.Error("sealed without randomness")
	}
}

func TestNewDoor(t *testing.T) {
	key := corpA.key
	for _, bad := range []struct{ name, corp, token, key string }{
		{"empty key", "ww1", "t", ""},
		{"42 characters", "ww1", "t", key[:42]},
		{"44 characters", "ww1", "t", key + "A"},
		{"equals sign", "ww1", "t", key[:42] + "="},
		{"dollar", "ww1", "t", key[:42] + "$"},
		{"slash", "ww1", "t", key[:42] + "/"},
		{"newline", "ww1", "t", key[:42] + "\n"},
		{"empty token", "ww1", "", key},
		{"long token", "ww1", strings.Repeat("t", 33), key},
		{"token with a dash", "ww1", "a-b", key},
		{"empty corp", "", "t", key},
	} {
		d, err := NewDoor(bad.corp, bad.token, bad.key)
		if err == nil || d != nil {
			t.Errorf("%s: taken", bad.name)
			continue
		}
		if len(bad.key) > 8 && strings.Contains(err.Error(), bad.key[:8]) {
			t.Errorf("%s: the error shows the key: %v", bad.name, err)
		}
	}
	if _, err := NewDoor("", "", ""); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three faults, reported as %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	d := door(t, corpA)
	v := postVectors[0]
	good := v.query()
	with := func(name, value string) string {
		q := url.Values{}
		for k, vs := range good {
			q[k] = vs
		}
		q.Set(name, value)
		return q.Encode()
	}
	// The digits of timestamp and nonce moved: the same sorted text, hence the same signature.
	shifted := url.Values{"msg_signature": {v.signature}, "timestamp": {v.timestamp + v.nonce[:1]}, "nonce": {v.nonce[1:]}}
	for _, c := range []struct {
		name, query string
		body        []byte
		want        error
	}{
		{"no query", "", envelope(v.encrypt), ErrMalformed},
		{"no signature", with("msg_signature", ""), envelope(v.encrypt), ErrMalformed},
		{"no nonce", with("nonce", ""), envelope(v.encrypt), ErrMalformed},
		{"no timestamp", with("timestamp", ""), envelope(v.encrypt), ErrMalformed},
		{"bad escape", "msg_signature=%zz&timestamp=1409659813&nonce=1", envelope(v.encrypt), ErrMalformed},
		{"shifted digits", shifted.Encode(), envelope(v.encrypt), ErrMalformed},
		{"timestamp of letters", with("timestamp", "14096598l3"), envelope(v.encrypt), ErrMalformed},
		{"other timestamp", with("timestamp", "1409659814"), envelope(v.encrypt), ErrSignature},
		{"other nonce", with("nonce", "1372623148"), envelope(v.encrypt), ErrSignature},
		{"upper-case signature", with("msg_signature", strings.ToUpper(v.signature)), envelope(v.encrypt), ErrSignature},
		{"short signature", with("msg_signature", v.signature[:39]), envelope(v.encrypt), ErrSignature},
		{"signature of an empty token", with("msg_signature", util.Signature("", v.timestamp, v.nonce, v.encrypt)), envelope(v.encrypt), ErrSignature},
		{"unsigned plaintext body", good.Encode(), []byte(v.plain), ErrMalformed},
		{"empty body", good.Encode(), nil, ErrMalformed},
		{"no Encrypt", good.Encode(), []byte("<xml></xml>"), ErrMalformed},
		{"empty Encrypt", good.Encode(), envelope(""), ErrMalformed},
		{"broken XML", good.Encode(), envelope(v.encrypt)[:200], ErrMalformed},
		{"two documents", good.Encode(), append(envelope(v.encrypt), envelope(v.encrypt)...), ErrMalformed},
		{"doctype", good.Encode(), append([]byte(`<!DOCTYPE x [<!ENTITY a "b">]>`), envelope(v.encrypt)...), ErrMalformed},
		{"deep nesting", good.Encode(), []byte(strings.Repeat("<xml>", 20000)), ErrMalformed},
		{"huge body", good.Encode(), append(envelope(v.encrypt), make([]byte, MaxBody)...), ErrMalformed},
		{"Encrypt inside another", good.Encode(), []byte("<xml><a><Encrypt>" + v.encrypt + "</Encrypt></a></xml>"), ErrMalformed},
	} {
		e, err := d.Open(c.query, c.body)
		if !errors.Is(err, c.want) || e.Raw != nil || e.MsgType != "" {
			t.Errorf("%s: %v, want %v; event %+v", c.name, err, c.want, e)
		}
	}
}

func TestOpenRefusesSigned(t *testing.T) {
	d := door(t, corpA)
	msg := "<xml><MsgType>text</MsgType></xml>"
	n := uint32(len(msg))
	good := letter(n, msg, corpA.corp)
	changed := func(at int, to byte) []byte {
		b := slices.Clone(good)
		b[(at+len(b))%len(b)] = to
		return b
	}
	enc := pack(d, good)
	wrongPadInside := changed(-2, 1)
	if int(good[len(good)-1]) < 2 {
		t.Fatal("the sample has no inner padding")
	}
	for _, c := range []struct {
		name, encrypt string
		want          error
	}{
		{"not base64", "!!!!", ErrMalformed},
		{"LF within", enc[:40] + "\n" + enc[40:], ErrMalformed},
		{"LF at the end", enc + "\n", ErrMalformed},
		{"missing padding", strings.TrimRight(enc[:len(enc)-4], "=") + "A", ErrMalformed},
		{"junk behind", enc + "A", ErrMalformed},
		{"a space for a plus", strings.Replace(enc, enc[3:4], " ", 1), ErrMalformed},
		{"url alphabet", "-_" + enc[2:], ErrMalformed},
		{"one AES block", base64.StdEncoding.EncodeToString(make([]byte, 16)), ErrMalformed},
		{"three AES blocks", base64.StdEncoding.EncodeToString(make([]byte, 48)), ErrMalformed},
		{"pad 0", pack(d, changed(-1, 0)), ErrMalformed},
		{"pad 33", pack(d, changed(-1, 33)), ErrMalformed},
		{"pad 255", pack(d, changed(-1, 255)), ErrMalformed},
		{"inner pad byte", pack(d, wrongPadInside), ErrMalformed},
		{"a block of padding only", pack(d, []byte(strings.Repeat(" ", 32))), ErrMalformed},
		{"length 0xffffffff", pack(d, letter(0xffffffff, msg, corpA.corp)), ErrMalformed},
		{"length 0x7fffffff", pack(d, letter(0x7fffffff, msg, corpA.corp)), ErrMalformed},
		{"length past the end", pack(d, letter(n+uint32(len(corpA.corp))+1, msg, corpA.corp)), ErrMalformed},
		{"length too long by one", pack(d, letter(n+1, msg, corpA.corp)), ErrSignature},
		{"length too short by one", pack(d, letter(n-1, msg, corpA.corp)), ErrSignature},
		{"length 0", pack(d, letter(0, msg, corpA.corp)), ErrSignature},
		{"other receiver", pack(d, letter(n, msg, "wx5823bf96d3bd56c8")), ErrSignature},
		{"no receiver", pack(d, letter(n, msg, "")), ErrSignature},
		{"empty message", pack(d, letter(0, "", corpA.corp)), ErrMalformed},
		{"plaintext no XML", pack(d, letter(5, "hello", corpA.corp)), ErrMalformed},
		{"plaintext of two roots", pack(d, letter(12, "<xml/><xml/>", corpA.corp)), ErrMalformed},
		{"plaintext under another root", pack(d, letter(8, "<a></a> ", corpA.corp)), ErrMalformed},
	} {
		e, err := d.Open(signed(d, "1409659813", "n", c.encrypt).Encode(), envelope(c.encrypt))
		if !errors.Is(err, c.want) || e.Raw != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err != nil && err != ErrMalformed && err != ErrSignature {
			t.Errorf("%s: the error says more than it may: %v", c.name, err)
		}
	}
	if _, err := d.Open(signed(d, "1409659813", "n", enc).Encode(), envelope(enc)); err != nil {
		t.Errorf("the sample itself: %v", err)
	}
	// In XML a carriage return never arrives as one; in a query it does.
	q := signed(d, "1409659813", "n", enc+"\r")
	q.Set("echostr", enc+"\r")
	if _, err := d.Verify(q); !errors.Is(err, ErrMalformed) {
		t.Errorf("CR behind echostr: %v", err)
	}
}

// What one caller opens must not change under another's hands: buffers are shared.
func TestOpenConcurrently(t *testing.T) {
	d := door(t, corpA)
	done := make(chan error, 8)
	for g := range 8 {
		go func() {
			msg := "<xml><FromUserName>u</FromUserName><MsgType>text</MsgType><Content>" + strings.Repeat(string(rune('a'+g)), 100+g) + "</Content></xml>"
			enc := pack(d, letter(uint32(len(msg)), msg, corpA.corp))
			q := signed(d, "1409659813", "n", enc).Encode()
			var kept []Event
			for range 50 {
				e, err := d.Open(q, envelope(enc))
				if err != nil {
					done <- err
					return
				}
				kept = append(kept, e)
			}
			for _, e := range kept {
				if string(e.Raw) != msg || e.Content != strings.Repeat(string(rune('a'+g)), 100+g) {
					done <- errors.New("an event changed after it was opened")
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, v := range postVectors {
		f.Add(v.query().Encode(), envelope(v.encrypt))
	}
	f.Add("msg_signature=a&timestamp=1409659813&nonce=b", []byte("<xml><Encrypt/></xml>"))
	d := door(f, corpA)
	f.Fuzz(func(t *testing.T, query string, body []byte) {
		e, err := d.Open(query, body)
		if err == nil && string(e.Raw) != postVectors[0].plain {
			t.Errorf("forged: %q", e.Raw)
		}
		if err != nil && err != ErrMalformed && err != ErrSignature {
			t.Error(err)
		}
	})
}

// FuzzDecrypt signs whatever comes, and asks the SDK's decryption for a second opinion. Ours is the stricter of the two.
func FuzzDecrypt(f *testing.F) {
	for _, v := range append(getVectors, postVectors...) {
		f.Add(v.encrypt, []byte(v.plain))
	}
	f.Add("AAAA", []byte("0123456789abcdef\x00\x00\x00\x01x"+corpA.corp))
	d := door(f, corpA)
	f.Fuzz(func(t *testing.T, encrypt string, blocks []byte) {
		blocks = append(blocks, make([]byte, (32-len(blocks)%32)%32)...)
		for _, enc := range []string{encrypt, pack(d, blocks), pack(d, letter(uint32(len(blocks)), string(blocks), corpA.corp))} {
			q := signed(d, "1409659813", "n", enc)
			q.Set("echostr", enc)
			got, err := d.Verify(q)
			if err != nil {
				if err != ErrMalformed && err != ErrSignature {
					t.Error(err)
				}
				continue
			}
			_, want, err := util.DecryptMsg(corpA.corp, enc, corpA.key)
			if err != nil || string(want) != string(got) {
				t.Errorf("we read %q, the SDK %q, %v", got, want, err)
			}
			_, _ = d.Open(q.Encode(), envelope(enc))
		}
	})
}

var benchMessage = `<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName><FromUserName><![CDATA[zhangsan]]></FromUserName><CreateTime>1409659813</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[马秀兰 上门 都好]]></Content><MsgId>4561255354251345929</MsgId><AgentID>218</AgentID></xml>`

func BenchmarkOpen(b *testing.B) {
	d := door(b, corpA)
	enc := pack(d, letter(uint32(len(benchMessage)), benchMessage, corpA.corp))
	q, body := signed(d, "1409659813", "1372623149", enc).Encode(), envelope(enc)
	b.ReportAllocs()
	for b.Loop() {
		e, err := d.Open(q, body)
		if err != nil || e.Content == "" {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenSDK is the same work with encoding/xml and the SDK's util.
func BenchmarkOpenSDK(b *testing.B) {
	d := door(b, corpA)
	enc := pack(d, letter(uint32(len(benchMessage)), benchMessage, corpA.corp))
	q, body := signed(d, "1409659813", "1372623149", enc).Encode(), envelope(enc)
	b.ReportAllocs()
	for b.Loop() {
		v, err := url.ParseQuery(q)
		if err != nil {
			b.Fatal(err)
		}
		var outer struct{ Encrypt string }
		if err := xml.Unmarshal(body, &outer); err != nil {
			b.Fatal(err)
		}
		if util.Signature(corpA.token, v.Get("timestamp"), v.Get("nonce"), outer.Encrypt) != v.Get("msg_signature") {
			b.Fatal("signature")
		}
		_, msg, err := util.DecryptMsg(corpA.corp, outer.Encrypt, corpA.key)
		if err != nil {
			b.Fatal(err)
		}
		var inner struct {
			ToUserName, FromUserName, MsgType, Content, MsgId string
			CreateTime                                        int64
			AgentID                                           int
		}
		if err := xml.Unmarshal(msg, &inner); err != nil || inner.Content == "" {
			b.Fatal(err)
		}
	}
}
