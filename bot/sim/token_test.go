package sim

import (
	"sync"
	"testing"
	"time"
)

func (w *world) getToken() reply {
	w.t.Helper()
	return w.get("gettoken?corpid=" + testCorp + "&corpsecret=" + testSecret)
}

func TestRow19_WrongCredentials(t *testing.T) {
	w := newWorld(t)
	w.get("gettoken?corpid=" + testCorp + "&corpsecret=wrong").wants(40001)
	w.get("gettoken?corpid=other&corpsecret=" + testSecret).wants(40013)
	w.get("gettoken?corpid=" + testCorp).wants(41004)
	w.get("gettoken?corpsecret=" + testSecret).wants(41002)
}

func TestRow20_TokenExpires(t *testing.T) {
	w := newWorld(t)
	w.pass(7199 * time.Second)
	w.text("还行").wants(0)
	w.pass(time.Second)
	w.text("过期").wants(42001)
	w.shown("mayun", 1)
	w.token = w.getToken().wants(0).text("access_token")
	w.text("新的").wants(0)
}

func TestRow21_RevokedOrGarbage(t *testing.T) {
	w := newWorld(t)
	w.Revoke()
	w.text("作废").wants(40014)
	w.token = "garbage"
	w.text("乱的").wants(40014)
	w.token = w.getToken().wants(0).text("access_token")
	w.text("新的").wants(0)
	w.shown("mayun", 1)
	w = newWorld(t, rules(Rules{Revoked42001: true}))
	w.Revoke()
	w.text("作废").wants(42001)
}

func TestRow22_NoToken(t *testing.T) {
	w := newWorld(t)
	w.token = ""
	w.text("没有").wants(41001)
}

func TestRow23_SameTokenNotProlonged(t *testing.T) {
	w := newWorld(t)
	first := w.token
	w.pass(time.Hour)
	r := w.getToken()
	if r.text("access_token") != first || r.fields["expires_in"] != 3600.0 {
		t.Error(r.fields["expires_in"])
	}
	w = newWorld(t, rules(Rules{NewTokenEachTime: true}))
	old := w.token
	if w.token = w.getToken().text("access_token"); w.token == old {
		t.Error("the same token")
	}
	w.text("新的").wants(0)
	w.token = old // a fetch has never been documented to invalidate the previous one
	w.text("旧的").wants(0)
}

func TestRow24_ManyBadSecretsBarTheIP(t *testing.T) {
	w := newWorld(t, rules(Rules{BadSecrets: 3}))
	for range 3 {
		w.get("gettoken?corpid=" + testCorp + "&corpsecret=wrong").wants(40001)
	}
	w.getToken().wants(45009)
	w.pass(time.Hour - time.Second)
	w.getToken().wants(45009)
	w.pass(time.Second)
	w.getToken().wants(0)
}

func TestRow25_ManyAtOnceGetOneToken(t *testing.T) {
	w := newWorld(t)
	w.pass(3 * time.Hour)
	tokens := make([]string, 50)
	var all sync.WaitGroup
	for i := range tokens {
		all.Go(func() { tokens[i] = w.getToken().text("access_token") })
	}
	all.Wait()
	for _, tok := range tokens {
		if tok != tokens[0] || tok == "" {
			t.Fatal("different tokens")
		}
	}
}

func TestRow26_TrustedIP(t *testing.T) {
	w := newWorld(t, rules(Rules{TrustedIPs: []string{"192.0.2.1"}}))
	w.token = "x"
	w.text("你好").wants(60020)
	w.get("getcallbackip").wants(60020)
	w = newWorld(t, rules(Rules{TrustedIPs: []string{"127.0.0.1"}}))
	w.get("getcallbackip").wants(0)
}
