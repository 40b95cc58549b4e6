package wecom

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Knock is what an operator learns from knocking at WeCom's door, whether it opens or not.
type Knock struct {
	Date time.Time // WeCom's clock by its Date header; zero where none came
	From string    // this machine as WeCom saw it; only a refusal says so (wecom/90930), and 企业可信IP wants to know it
}

// fromIP finds the caller's address in an errmsg.
var fromIP = regexp.MustCompile(`from ip: ([0-9A-Fa-f.:]+)`)

// Knock asks for an access token and keeps none, so that it changes nothing here and, as far as is documented, nothing at
// WeCom (wecom/91039). Its error says more of the way than other calls' do: name, TLS, proxy.
func (c *Client) Knock(ctx context.Context) (Knock, error) {
	const api = "gettoken"
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	u := *c.base
	u.Path = strings.TrimSuffix(u.Path, "/") + "/cgi-bin/" + api
	u.RawQuery = url.Values{"corpid": {c.cfg.CorpID}, "corpsecret": {c.cfg.Secret}}.Encode()
	resp, err := c.http.RoundTrip((&http.Request{Method: http.MethodGet, URL: &u, Header: http.Header{}}).WithContext(ctx))
	if text := tlsTrouble(err); text != "" {
		return Knock{}, &CallError{API: api, text: text}
	}
	if err != nil {
		return Knock{}, wrap(api, err)
	}
	defer resp.Body.Close()
	var k Knock
	k.Date, _ = http.ParseTime(resp.Header.Get("Date"))
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return k, wrap(api, err)
	}
	if m := fromIP.FindSubmatch(body); m != nil {
		k.From = string(m[1])
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if _, err := (&ticket{api: api}).judge(resp); err != nil {
		return k, wrap(api, err)
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Token == "" {
		return k, wrap(api, errAnswer)
	}
	return k, nil
}

// tlsTrouble words what is wrong with a certificate; "" if that is not what is wrong. Certificates hold nothing of ours.
func tlsTrouble(err error) string {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate expired or not yet valid: by this machine's clock"
	case errors.As(err, &verify):
		return verify.Err.Error()
	case errors.As(err, &record):
		return "the other side does not speak TLS"
	}
	return ""
}

// APIAddresses lists where WeCom's API may be reached, for a firewall that names what may go out (wecom/92520).
func (c *Client) APIAddresses(ctx context.Context) ([]string, error) {
	var answer struct {
		IPs []string `json:"ip_list"`
	}
	err := c.get(ctx, "get_api_domain_ip", nil, &answer)
	return answer.IPs, err
}

// Challenge is what WeCom's console sends when the administrator presses 保存 (wecom/90930): the query to GET the callback
// with, and the bytes that must come back bare. Only who holds token and key can answer it, and it asks for nothing else.
func (d *Door) Challenge(now time.Time) (query url.Values, want []byte, err error) {
	want = []byte(rand.Text())
	timestamp, nonce := strconv.FormatInt(now.Unix(), 10), rand.Text()[:10]
	sealed, err := d.Seal(want, timestamp, nonce)
	if err != nil {
		return nil, nil, fmt.Errorf("seal a challenge: %w", err)
	}
	var letter struct{ Encrypt, MsgSignature string }
	if err := xml.Unmarshal(sealed, &letter); err != nil {
		return nil, nil, fmt.Errorf("read the sealed challenge: %w", err)
	}
	return url.Values{"msg_signature": {letter.MsgSignature}, "timestamp": {timestamp}, "nonce": {nonce}, "echostr": {letter.Encrypt}},
		want, nil
}
