package sms

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"xunfang/bot/remote"
)

// Aliyun sends by Alibaba Cloud's Dysmsapi of 2017-05-25 in its RPC style (help.aliyun.com: SendSms, QuerySendDetails and
// the signature of version 1.0). It may be used by any number of goroutines.
type Aliyun struct {
	cfg  Config
	base *url.URL
	http *http.Transport
}

// Config is what an Aliyun is made of.
type Config struct {
	Endpoint  string // default https://dysmsapi.aliyuncs.com/; a simulator or proxy may stand here
	AccessKey string // of a RAM user that may do SendSms and QuerySendDetails, and nothing else
	Secret    string
	Sign      string              // the reviewed signature: the 【…】 before every message, without its brackets
	Templates map[string][]string // the reviewed templates by code, with the variables of each
	Timeout   time.Duration       // of one call, default 5 s
	Now       func() time.Time
	Nonce     func() string // different for each request; default: random
}

var _ Provider = (*Aliyun)(nil)

const (
	aliyunEndpoint = "https://dysmsapi.aliyuncs.com/"
	aliyunVersion  = "2017-05-25"
	maxAnswer      = 1 << 20
)

// china is the zone of SendDate.
var china = time.FixedZone("UTC+8", 8*60*60)

// NewAliyun checks the configuration; it calls nobody. Faults are listed all at once and quote no secret.
func NewAliyun(cfg Config) (*Aliyun, error) {
	if cfg.Endpoint == "" {
		cfg.Endpoint = aliyunEndpoint
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Nonce == nil {
		cfg.Nonce = rand.Text
	}
	var faults []error
	base, err := url.Parse(cfg.Endpoint)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		faults = append(faults, errors.New("sms: endpoint must be an http or https address"))
	}
	for _, f := range []struct{ name, value string }{
		{"access_key", cfg.AccessKey}, {"secret", cfg.Secret}, {"sign", cfg.Sign},
	} {
		if f.value == "" {
			faults = append(faults, fmt.Errorf("sms: %s is empty", f.name))
		}
	}
	if len(cfg.Templates) == 0 {
		faults = append(faults, errors.New("sms: no template is named"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Aliyun{cfg: cfg, base: base, http: http.DefaultTransport.(*http.Transport).Clone()}, nil
}

// Close lets go of idle connections.
func (a *Aliyun) Close() { a.http.CloseIdleConnections() }

// Send hands a message over. A receipt means that Aliyun took it, no more. After an error of which Retry is true the message
// may have gone out all the same: Aliyun knows no repeats, so whoever retries says it twice at worst.
func (a *Aliyun) Send(ctx context.Context, m SMS) (receipt string, err error) {
	variables, ok := a.cfg.Templates[m.Template]
	if !ok {
		return "", fmt.Errorf("%w: unknown template", ErrRefused)
	}
	if !mobile.MatchString(m.Number) {
		return "", &Error{API: "SendSms", Code: codeNumber}
	}
	if err := check(m, variables); err != nil {
		return "", err
	}
	p := map[string]string{"PhoneNumbers": m.Number, "SignName": a.cfg.Sign, "TemplateCode": m.Template}
	if m.ID != "" {
		p["OutId"] = m.ID
	}
	if len(variables) > 0 {
		vars, err := json.Marshal(m.Vars)
		if err != nil {
			return "", fmt.Errorf("%w: variables are no JSON", ErrRefused)
		}
		p["TemplateParam"] = string(vars)
	}
	var answer struct {
		BizID string `json:"BizId"`
	}
	if err := a.call(ctx, "SendSms", p, &answer); err != nil {
		return "", err
	}
	return answer.BizID, nil
}

// dead are the codes, of SendSms and of carriers, after which a number is not worth another message until a person has
// looked into it (help.aliyun.com 101346, 101347). MOBILE_NOT_ON_SERVICE and INVALID_NUMBER say 空号 and 停机 but 关机, too.
var dead = []string{codeNumber, "isv.BLACK_KEY_CONTROL_LIMIT", "isv.CUSTOMER_REFUSED", "MOBILE_NOT_ON_SERVICE", "INVALID_NUMBER",
	"MOBILE_ACCOUNT_ABNORMAL", "MOBILE_IN_BLACK", "USER_REJECT"}

const codeNumber = "isv.MOBILE_NUMBER_ILLEGAL"

// Report asks what became of a message of the last 30 days. What Aliyun does not know (yet) is Waiting.
func (a *Aliyun) Report(ctx context.Context, receipt, number string, day time.Time) (Report, error) {
	if receipt == "" { // Aliyun would tell of any message of that day
		return Report{}, fmt.Errorf("%w: no receipt to ask after", ErrRefused)
	}
	var answer struct {
		List struct {
			Details []struct {
				Number string `json:"PhoneNum"`
				Status int    `json:"SendStatus"`
				Code   string `json:"ErrCode"`
			} `json:"SmsSendDetailDTO"`
		} `json:"SmsSendDetailDTOs"`
	}
	err := a.call(ctx, "QuerySendDetails", map[string]string{"PhoneNumber": number, "BizId": receipt,
		"SendDate": day.In(china).Format("20060102"), "PageSize": "10", "CurrentPage": "1"}, &answer)
	if err != nil {
		return Report{}, err
	}
	for _, d := range answer.List.Details {
		if d.Number != number {
			continue
		}
		switch d.Status { // 1 no receipt yet, 2 failed, 3 delivered
		case 2:
			why := plainCode(d.Code)
			return Report{State: Failed, Why: why, Dead: slices.Contains(dead, why)}, nil
		case 3:
			return Report{State: Delivered}, nil
		}
	}
	return Report{}, nil
}

// call posts a signed form. It does not go through http.Client, which would carry number and signature along a redirect.
func (a *Aliyun) call(ctx context.Context, api string, p map[string]string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	maps.Copy(p, map[string]string{"Action": api, "Version": aliyunVersion, "RegionId": "cn-hangzhou", "Format": "JSON",
		"AccessKeyId": a.cfg.AccessKey, "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0",
		"SignatureNonce": a.cfg.Nonce(), "Timestamp": a.cfg.Now().UTC().Format("2006-01-02T15:04:05Z")})
	form := "Signature=" + escape(sign(http.MethodPost, a.cfg.Secret, p)) + "&" + canonical(p)
	req := (&http.Request{Method: http.MethodPost, URL: a.base,
		Header:        http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}},
		ContentLength: int64(len(form)), Body: io.NopCloser(strings.NewReader(form))}).WithContext(ctx)
	resp, err := a.http.RoundTrip(req)
	if err != nil {
		return lost(api, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return lost(api, err)
	}
	var said struct{ Code string }
	switch {
	case json.Unmarshal(body, &said) != nil || said.Code == "":
		return &Error{API: api, Status: resp.StatusCode, text: fmt.Sprintf("HTTP status %d, no answer of Aliyun's", resp.StatusCode)}
	case said.Code != "OK":
		return &Error{API: api, Code: plainCode(said.Code), Status: resp.StatusCode}
	case json.Unmarshal(body, out) != nil:
		return &Error{API: api, Code: said.Code, text: "taken, but the answer is not of the documented form"}
	}
	return nil
}

// sign is the signature of version 1.0: HMAC-SHA1 over method, "/" and the sorted parameters, each escaped once more.
func sign(method, secret string, p map[string]string) string {
	h := hmac.New(sha1.New, []byte(secret+"&"))
	io.WriteString(h, method+"&"+escape("/")+"&"+escape(canonical(p)))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func canonical(p map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		pairs = append(pairs, escape(name)+"="+escape(p[name]))
	}
	return strings.Join(pairs, "&")
}

// escape is RFC 3986, which differs from a query's escaping in the blank alone.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// Error is a message Aliyun did not take, or did not answer about. It quotes a code and nothing else: Aliyun's own sentence
// may repeat the whole request, number and variables included.
type Error struct {
	API    string
	Code   string // Aliyun's, "" where it gave none
	Status int    // of HTTP, 0 where nobody answered
	text   string
	cause  error
}

func (e *Error) Error() string {
	if e.text != "" {
		return "sms " + e.API + ": " + e.text
	}
	return "sms " + e.API + ": " + e.Code
}

// Unwrap is at most an error of package context.
func (e *Error) Unwrap() error { return e.cause }

// Retry says that the same message may pass in a moment. An error that is neither Retry nor Dead nor Limit wants an operator:
// account, template, signature or clock.
func (e *Error) Retry() bool {
	if e.Code == "" {
		return true
	}
	return e.Status >= 500 || strings.HasPrefix(e.Code, "Throttling") || slices.Contains([]string{"isp.SYSTEM_ERROR",
		"isp.GATEWAY_ERROR", "ServiceUnavailable", "InternalError", "SignatureNonceUsed"}, e.Code)
}

// Dead says that no message will reach this number: the next channel has to.
func (e *Error) Dead() bool { return slices.Contains(dead, e.Code) }

// Limit says that the number, or the account, has had its share of the hour, day or month (help.aliyun.com 91975).
func (e *Error) Limit() bool {
	return slices.Contains([]string{"isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL"}, e.Code)
}

// lost words a call that got no answer.
func lost(api string, err error) *Error {
	e := &Error{API: api}
	e.text, e.cause = remote.Lost(err)
	return e
}

// plainCode lets codes through and nothing that may be a person's: letters, and digits in runs of less than six.
func plainCode(s string) string {
	digits := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '.' || c == ':':
			digits = 0
		default:
			return "unreadable"
		}
		if digits > 5 {
			return "unreadable"
		}
	}
	if s == "" || len(s) > 64 {
		return "unreadable"
	}
	return s
}
