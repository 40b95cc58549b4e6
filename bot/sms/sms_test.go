package sms

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The people and numbers here are invented; 1390000… is a range nobody has.
const (
	number   = "13900000017"
	secret   = "SECRET-of-the-account"
	access   = "LTAI-access-key"
	template = "SMS_154950909"
	value    = "482913"
)

var at = time.Date(2026, 2, 11, 16, 47, 3, 0, time.UTC) // already the 12th in China

// fake is as much of Aliyun as its pages promise.
type fake struct {
	*httptest.Server
	mu     sync.Mutex
	forms  []url.Values
	heads  []http.Header
	status int
	answer string
	hangs  chan struct{}
}

func newFake(t testing.TB) *fake {
	f := &fake{status: 200, answer: `{"Message":"OK","RequestId":"F655A8D5","Code":"OK","BizId":"900619746936498440^0"}`}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(body))
	if err != nil || r.Method != http.MethodPost || r.URL.RawQuery != "" {
		http.Error(w, "no form", http.StatusTeapot)
		return
	}
	f.mu.Lock()
	f.forms, f.heads = append(f.forms, form), append(f.heads, r.Header)
	status, answer, hangs := f.status, f.answer, f.hangs
	f.mu.Unlock()
	if hangs != nil {
		<-hangs
	}
	w.Header().Set("Location", f.URL+"/elsewhere")
	w.WriteHeader(status)
	io.WriteString(w, answer)
}

func (f *fake) says(status int, answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status, f.answer = status, answer
}

func (f *fake) calls() int { f.mu.Lock(); defer f.mu.Unlock(); return len(f.forms) }

func client(t testing.TB, endpoint string) *Aliyun {
	t.Helper()
	a, err := NewAliyun(Config{Endpoint: endpoint, AccessKey: access, Secret: secret, Sign: "某县民政局", Timeout: 10 * time.Second,
		Templates: map[string][]string{template: {"code"}, "SMS_2": nil, "SMS_3": {"a", "b"}},
		Now:       func() time.Time { return at }, Nonce: func() string { return "nonce-1" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func message() SMS {
	return SMS{Number: number, Template: template, Vars: map[string]string{"code": value}, ID: "out-1"}
}

// The example of help.aliyun.com 56189.
func TestSignatureVector(t *testing.T) {
	p := map[string]string{"AccessKeyId": "testId", "Action": "SendSms", "Format": "XML", "OutId": "123",
		"PhoneNumbers": "15300000001", "RegionId": "cn-hangzhou", "SignName": "阿里云短信测试专用", "SignatureMethod": "HMAC-SHA1",
		"SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466", "SignatureVersion": "1.0", "TemplateCode": "SMS_71390007",
		"TemplateParam": `{"customer":"test"}`, "Timestamp": "2017-07-12T02:42:19Z", "Version": "2017-05-25"}
	if got := sign(http.MethodGet, "testSecret", p); got != "zJDF+Lrzhj/ThnlvIToysFRq6t4=" {
		t.Errorf("signature %s", got)
	}
	if sign(http.MethodPost, "testSecret", p) == sign(http.MethodGet, "testSecret", p) {
		t.Error("the signature does not cover the method")
	}
	// The example of the RPC page, DescribeRegions.
	p = map[string]string{"Format": "XML", "AccessKeyId": "testid", "Action": "DescribeRegions", "SignatureMethod": "HMAC-SHA1",
		"SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf", "SignatureVersion": "1.0", "Version": "2014-05-26",
		"Timestamp": "2016-02-23T12:46:24Z"}
	if got := sign(http.MethodGet, "testsecret", p); got != "OLeaidS1JvxuMvnyHOwuJ+uX5qY=" {
		t.Errorf("signature %s", got)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{"a b": "a%20b", "*": "%2A", "~-_.": "~-_.", "/=&+%": "%2F%3D%26%2B%25", "派": "%E6%B4%BE",
		"\n": "%0A", ":": "%3A", "!'()": "%21%27%28%29"} {
		if got := escape(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestSend(t *testing.T) {
	f := newFake(t)
	receipt, err := client(t, f.URL).Send(t.Context(), message())
	if err != nil || receipt != "900619746936498440^0" {
		t.Fatalf("%q, %v", receipt, err)
	}
	form := f.forms[0]
	signature := form.Get("Signature")
	form.Del("Signature")
	p := map[string]string{}
	for name := range form {
		p[name] = form.Get(name)
	}
	want := map[string]string{"Action": "SendSms", "Version": "2017-05-25", "RegionId": "cn-hangzhou", "Format": "JSON",
		"AccessKeyId": access, "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureNonce": "nonce-1",
		"Timestamp": "2026-02-11T16:47:03Z", "PhoneNumbers": number, "SignName": "某县民政局", "TemplateCode": template,
		"TemplateParam": `{"code":"482913"}`, "OutId": "out-1"}
	if len(form) != len(want) {
		t.Errorf("sent %v", form)
	}
	for name, v := range want {
		if p[name] != v || len(form[name]) != 1 {
			t.Errorf("%s: %q, want %q", name, form[name], v)
		}
	}
	if signature != sign("POST", secret, want) {
		t.Errorf("signature %s", signature)
	}
	if h := f.heads[0].Get("Content-Type"); h != "application/x-www-form-urlencoded" {
		t.Error(h)
	}
	// A template without variables has no TemplateParam, a message without an id no OutId.
	if _, err := client(t, f.URL).Send(t.Context(), SMS{Number: number, Template: "SMS_2"}); err != nil {
		t.Fatal(err)
	}
	if form := f.forms[1]; form.Has("TemplateParam") || form.Has("OutId") {
		t.Errorf("sent %v", form)
	}
}

func TestNoncesDiffer(t *testing.T) {
	f := newFake(t)
	a, err := NewAliyun(Config{Endpoint: f.URL, AccessKey: access, Secret: secret, Sign: "s", Templates: map[string][]string{"SMS_2": nil}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	for range 2 {
		if _, err := a.Send(t.Context(), SMS{Number: number, Template: "SMS_2"}); err != nil {
			t.Fatal(err)
		}
	}
	if one, two := f.forms[0].Get("SignatureNonce"), f.forms[1].Get("SignatureNonce"); one == two || len(one) < 16 {
		t.Errorf("nonces %q and %q", one, two)
	}
}

func TestNewAliyun(t *testing.T) {
	_, err := NewAliyun(Config{Endpoint: "ftp://x", Secret: ""})
	if err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("five faults, reported as %v", err)
	}
	a, err := NewAliyun(Config{AccessKey: access, Secret: secret, Sign: "s", Templates: map[string][]string{"SMS_2": nil}})
	if err != nil || a.base.String() != "https://dysmsapi.aliyuncs.com/" {
		t.Errorf("%v", err)
	}
}

// What is refused never reaches Aliyun, and is not quoted.
func TestRefusals(t *testing.T) {
	f := newFake(t)
	a := client(t, f.URL)
	with := func(v string) SMS { m := message(); m.Vars = map[string]string{"code": v}; return m }
	for name, m := range map[string]SMS{
		"unknown template": {Number: number, Template: "SMS_9", Vars: map[string]string{"code": value}},
		"no variable":      {Number: number, Template: template},
		"another variable": {Number: number, Template: template, Vars: map[string]string{"code": value, "name": "王某"}},
		"wrong variable":   {Number: number, Template: template, Vars: map[string]string{"name": "王某"}},
		"empty":            with(""),
		"36 characters":    with(strings.Repeat("字", 36)),
		"broken":           with("\xff"),
		"address":          with("https://a.example/x"),
		"bare address":     with("点击 minzheng.gov.cn 看"),
		"www":              with("WWW.X"),
		"IP":               with("192.0.2.7"),
		"short link":       with("t.cn/Ab12"),
		"mobile":           with("致电13900000018"),
		"spaced mobile":    with("139 0000 0018"),
		"dashed mobile":    with("139-0000-0018"),
		"abroad mobile":    with("+86 13900000018"),
		"wide mobile":      with("１３９０００００１８０"),
	} {
		_, err := a.Send(t.Context(), m)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, v := range m.Vars {
			if v != "" && strings.Contains(err.Error(), v) {
				t.Errorf("%s: quotes the value: %v", name, err)
			}
		}
	}
	for _, n := range []string{"", "1390000001", "139000000171", "+8613900000017", "09531234567", "12900000017", "13900000017,13900000018",
		"１３９０００００１７０", "13900000017\n"} {
		m := message()
		m.Number = n
		_, err := a.Send(t.Context(), m)
		if e := (*Error)(nil); !errors.As(err, &e) || !e.Dead() || e.Retry() {
			t.Errorf("%q: %v", n, err)
		}
	}
	if _, err := a.Report(t.Context(), "", number, at); !errors.Is(err, ErrRefused) {
		t.Errorf("asks after any message: %v", err)
	}
	if f.calls() != 0 {
		t.Errorf("Aliyun heard of %d of them", f.calls())
	}
	for _, v := range []string{"0951-6012345", "010-13912345", "6位码482913", "2026-02-11 16:47", "3月5日下午3.5小时", strings.Repeat("字", 35), "No.7"} {
		if _, err := a.Send(t.Context(), with(v)); err != nil {
			t.Errorf("%q: %v", v, err)
		}
	}
}

func TestErrors(t *testing.T) {
	f := newFake(t)
	a := client(t, f.URL)
	type kind struct{ retry, dead, limit bool }
	for _, c := range []struct {
		status int
		answer string
		want   kind
	}{
		{200, `{"Code":"isp.SYSTEM_ERROR","Message":"x"}`, kind{retry: true}},
		{200, `{"Code":"isv.MOBILE_NUMBER_ILLEGAL"}`, kind{dead: true}},
		{200, `{"Code":"isv.BLACK_KEY_CONTROL_LIMIT"}`, kind{dead: true}},
		{200, `{"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"触发天级流控Permits:10"}`, kind{limit: true}},
		{200, `{"Code":"isv.DAY_LIMIT_CONTROL"}`, kind{limit: true}},
		{200, `{"Code":"isv.AMOUNT_NOT_ENOUGH"}`, kind{}},
		{200, `{"Code":"isv.SMS_TEMPLATE_ILLEGAL"}`, kind{}},
		{200, `{"Code":"isv.SMS_SIGNATURE_ILLEGAL"}`, kind{}},
		{400, `{"Code":"SignatureDoesNotMatch","HostId":"h"}`, kind{}},
		{400, `{"Code":"InvalidTimeStamp.Expired"}`, kind{}},
		{404, `{"Code":"InvalidAccessKeyId.NotFound"}`, kind{}},
		{400, `{"Code":"Throttling.User"}`, kind{retry: true}},
		{503, `{"Code":"ServiceUnavailable"}`, kind{retry: true}},
		{500, `{"Code":"Unheard"}`, kind{retry: true}},
		{502, `<html>bad gateway</html>`, kind{retry: true}},
		{307, ``, kind{retry: true}},
		{200, ``, kind{retry: true}},
		{200, `[]`, kind{retry: true}},
		{200, `{"Code":"OK","BizId":7}`, kind{}}, // taken: said again it would be said twice
	} {
		f.says(c.status, c.answer)
		before := f.calls()
		receipt, err := a.Send(t.Context(), message())
		e := (*Error)(nil)
		if !errors.As(err, &e) || receipt != "" {
			t.Errorf("%d %s: %q, %v", c.status, c.answer, receipt, err)
			continue
		}
		if got := (kind{e.Retry(), e.Dead(), e.Limit()}); got != c.want {
			t.Errorf("%d %s: %+v, want %+v", c.status, c.answer, got, c.want)
		}
		if f.calls() != before+1 {
			t.Errorf("%d %s: %d calls", c.status, c.answer, f.calls()-before)
		}
	}
}

// Whatever Aliyun says, and whatever breaks, errors hold no secret, no number, no variable.
func TestErrorsQuoteNothing(t *testing.T) {
	f := newFake(t)
	a := client(t, f.URL)
	var all []error
	send := func(a *Aliyun, ctx context.Context) {
		_, err := a.Send(ctx, message())
		_, err2 := a.Report(ctx, "900^0", number, at)
		all = append(all, err, err2)
	}
	said := []string{"GET&%2F&PhoneNumbers%3D" + number + "&AccessKeyId%3D" + access, number, value, access, "code " + value, "1" + number,
		"13900-000017", "13900 000017"}
	for _, s := range said {
		code, _ := json.Marshal(s)
		for _, status := range []int{200, 400, 500} {
			f.says(status, `{"Code":`+string(code)+`,"Message":`+string(code)+`}`)
			send(a, t.Context())
			f.says(status, s)
			send(a, t.Context())
		}
	}
	f.says(302, number)
	send(a, t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	send(a, ctx)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	send(client(t, gone.URL), t.Context())
	send(client(t, "http://name.invalid/"), t.Context())
	if len(all) < 100 {
		t.Fatalf("%d errors", len(all))
	}
	for _, err := range all {
		if err == nil {
			t.Error("no error")
			continue
		}
		for _, s := range []string{number, "000017", value, secret, access, "Signature=", "900^0"} {
			if strings.Contains(err.Error(), s) {
				t.Errorf("quotes %s: %v", s, err)
			}
		}
	}
}

func TestNoAnswer(t *testing.T) {
	f := newFake(t)
	f.hangs = make(chan struct{})
	a := client(t, f.URL)
	a.cfg.Timeout = 50 * time.Millisecond
	_, err := a.Send(t.Context(), message())
	close(f.hangs)
	if e := (*Error)(nil); !errors.As(err, &e) || !e.Retry() || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestReport(t *testing.T) {
	f := newFake(t)
	a := client(t, f.URL)
	details := func(rows ...string) string {
		return `{"TotalCount":1,"Message":"OK","RequestId":"819BE656","Code":"OK","SmsSendDetailDTOs":{"SmsSendDetailDTO":[` + strings.Join(rows, ",") + `]}}`
	}
	row := func(number, status, code string) string {
		return `{"SendDate":"2026-02-12 00:47:04","OutId":"out-1","SendStatus":` + status + `,"ReceiveDate":"2026-02-12 00:47:09","ErrCode":"` + code +
			`","TemplateCode":"SMS_154950909","Content":"【某县民政局】您好","PhoneNum":"` + number + `"}`
	}
	for name, c := range map[string]struct {
		answer string
		want   Report
	}{
		"delivered":     {details(row(number, "3", "DELIVERED")), Report{State: Delivered}},
		"waiting":       {details(row(number, "1", "")), Report{}},
		"not there yet": {details(), Report{}},
		"unknown state": {details(row(number, "9", "")), Report{}},
		"another's":     {details(row("13900000018", "3", "DELIVERED")), Report{}},
		"空号":            {details(row(number, "2", "MOBILE_NOT_ON_SERVICE")), Report{Failed, "MOBILE_NOT_ON_SERVICE", true}},
		"blacklist":     {details(row(number, "2", "MOBILE_IN_BLACK")), Report{Failed, "MOBILE_IN_BLACK", true}},
		"too many":      {details(row(number, "2", "MOBILE_SEND_LIMIT")), Report{Failed, "MOBILE_SEND_LIMIT", false}},
		"carrier's":     {details(row(number, "2", "MK:0004")), Report{Failed, "MK:0004", false}},
		"strange code":  {details(row(number, "2", number)), Report{Failed, "unreadable", false}},
	} {
		f.says(200, c.answer)
		got, err := a.Report(t.Context(), "900^0", number, at)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	form := f.forms[0]
	for name, want := range map[string]string{"Action": "QuerySendDetails", "PhoneNumber": number, "BizId": "900^0", "SendDate": "20260212",
		"PageSize": "10", "CurrentPage": "1", "Version": "2017-05-25"} {
		if form.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, form.Get(name), want)
		}
	}
	f.says(200, `{"Code":"isp.SYSTEM_ERROR"}`)
	if _, err := a.Report(t.Context(), "900^0", number, at); err == nil {
		t.Error("no error")
	}
	states := []string{Waiting.String(), Delivered.String(), Failed.String()}
	if !slices.Equal(states, []string{"waiting", "delivered", "failed"}) {
		t.Errorf("%v", states)
	}
}

// However a mobile number is written into a variable, it stays here; and what is let through has none.
func TestUnfitProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := "1" + rapid.StringMatching(`[3-9][0-9]{9}`).Draw(t, "digits")
		var b strings.Builder
		b.WriteString(rapid.StringMatching(`[电话找她:： ]{0,4}`).Draw(t, "before"))
		for _, r := range digits {
			if rapid.Bool().Draw(t, "wide") {
				r += '０' - '0'
			}
			b.WriteRune(r)
			b.WriteString(rapid.SampledFrom([]string{"", "", "", " ", "-", "　", "－"}).Draw(t, "between"))
		}
		if unfit(b.String()) == "" {
			t.Fatalf("let through: %q", b.String())
		}
	})
}
