package wecom

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestKnock: what an operator learns of each way a first call can end; never the secret, and no token is kept.
func TestKnock(t *testing.T) {
	date := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		answer string
		code   int
		from   string
		says   string
	}{
		"opened":            {`{"errcode":0,"errmsg":"ok","access_token":"TOKEN-x","expires_in":7200}`, 0, "", ""},
		"untrusted":         {`{"errcode":60020,"errmsg":"not allow to access from your ip, hint: [1], from ip: 192.0.2.7, more info at x"}`, 60020, "192.0.2.7", "60020"},
		"untrusted, IPv6":   {`{"errcode":60020,"errmsg":"not allow, from ip: 2001:db8::7, more"}`, 60020, "2001:db8::7", "60020"},
		"no address":        {`{"errcode":40001,"errmsg":"invalid credential"}`, 40001, "", "secret is wrong"},
		"not WeCom":         {`<html>please log in</html>`, 0, "", "not WeCom's JSON"},
		"no token":          {`{"errcode":0}`, 0, "", "not WeCom's JSON"},
		"an echo of secret": {`{"errcode":40013,"errmsg":"invalid corpid ` + secret + `"}`, 40013, "", "40013"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				w.Header().Set("Date", date.Format(http.TimeFormat))
				io.WriteString(w, c.answer)
			}))
			defer srv.Close()
			tokens := NewMemoryTokens()
			client := newTestClient(t, srv.URL, func(cfg *Config) { cfg.Tokens = tokens })
			k, err := client.Knock(context.Background())
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %q", err, c.says)
			}
			if a := (*APIError)(nil); c.code != 0 && (!errors.As(err, &a) || a.Code != c.code) {
				t.Errorf("error %v, want code %d", err, c.code)
			}
			if !k.Date.Equal(date) || k.From != c.from || asked != 1 {
				t.Errorf("%+v after %d calls", k, asked)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is in %v", err)
			}
			if token, _, _ := tokens.Get(context.Background()); token != "" {
				t.Error("the token was kept")
			}
		})
	}
}

// TestKnockTLS: a certificate nobody vouches for, and a server without TLS, are named as such.
func TestKnockTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = nil
	srv.TLS = &tls.Config{}
	srv.StartTLS()
	defer srv.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for base, says := range map[string]string{
		srv.URL: "certificate", strings.Replace(plain.URL, "http:", "https:", 1): "TLS", "http://127.0.0.1:1": "refused",
	} {
		client := newTestClient(t, base, nil)
		if _, err := client.Knock(context.Background()); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// TestChallenge: the door that made it answers it, a door with another token or key does not.
func TestChallenge(t *testing.T) {
	const corp, token, key = "wx5823bf96d3bd56c7", "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	door := func(corp, token, key string) *Door {
		d, err := NewDoor(corp, token, key)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	query, want, err := door(corp, token, key).Challenge(time.Unix(1409659813, 0))
	if err != nil || len(want) == 0 {
		t.Fatal(err)
	}
	if got, err := door(corp, token, key).Verify(query); err != nil || string(got) != string(want) {
		t.Errorf("answers %q, %v; want %q", got, err, want)
	}
	for name, c := range map[string]struct {
		door *Door
		want error
	}{
		"another token": {door(corp, "other", key), ErrSignature},
		"another corp":  {door("wx0000000000000000", token, key), ErrSignature},
		"another key":   {door(corp, token, strings.Repeat("a", 43)), ErrMalformed},
	} {
		if got, err := c.door.Verify(query); !errors.Is(err, c.want) || len(got) > 0 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	again, _, _ := door(corp, token, key).Challenge(time.Unix(1409659813, 0))
	if again.Get("echostr") == query.Get("echostr") {
		t.Error("two challenges are the same")
	}
}

func TestAPIAddresses(t *testing.T) {
	f := newFake(t)
	f.says("get_api_domain_ip", `{"errcode":0,"errmsg":"ok","ip_list":["192.0.2.1","192.0.2.*"]}`)
	got, err := newTestClient(t, f.URL, nil).APIAddresses(context.Background())
	if err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}
