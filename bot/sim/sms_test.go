package sim

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	childNumber = "13900000001"
	smsTemplate = "SMS_460000001"
)

func newSMS(t *testing.T) *world {
	return newWorld(t, func(o *Options) {
		o.Members = append(o.Members, Member{UserID: "daughter", Name: "女儿", Kind: "wechat", Mobile: childNumber})
		o.SMS = SMS{AccessKey: "sample-key", Secret: "sample-sms-secret", Signs: []string{"某县民政局"}, Templates: map[string]string{
			smsTemplate: "您好,您登记的家人近期联系信息有更新,请致电${tel}或打开 https://example.gov.cn/j 输入${code}查看。", "SMS_2": "请联系村里。"}}
	})
}

// smsReply is an answer of the gateway.
type smsReply struct {
	status            int
	Code, BizID, body string
	TotalCount        string
	SmsSendDetailDTOs struct {
		SmsSendDetailDTO []struct {
			SendStatus                              int
			ErrCode, Content, SendDate, ReceiveDate string
			OutID                                   string `json:"OutId"`
		}
	}
}

// gateway sends a request signed as the documents say; over replaces or, with "", removes parameters before or after signing.
func (w *world) gateway(method string, params, over map[string]string) smsReply {
	w.t.Helper()
	w.mu.Lock()
	at := w.clock
	w.mu.Unlock()
	all := map[string]string{"AccessKeyId": "sample-key", "Format": "JSON", "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0",
		"SignatureNonce": randomCode(), "Timestamp": at.UTC().Format("2006-01-02T15:04:05Z"), "Version": "2017-05-25"}
	for k, v := range params {
		all[k] = v
	}
	var pairs []string
	enc := strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~")
	for k, v := range all {
		pairs = append(pairs, enc.Replace(url.QueryEscape(k))+"="+enc.Replace(url.QueryEscape(v)))
	}
	slices.Sort(pairs)
	mac := hmac.New(sha1.New, []byte("sample-sms-secret&"))
	io.WriteString(mac, method+"&%2F&"+enc.Replace(url.QueryEscape(strings.Join(pairs, "&"))))
	all["Signature"] = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	form := url.Values{}
	for k, v := range all {
		form.Set(k, v)
	}
	for k, v := range over {
		form.Set(k, v)
		if v == "" {
			form.Del(k)
		}
	}
	var res *http.Response
	var err error
	if method == http.MethodGet {
		res, err = http.Get(w.api.URL + "/sms/?" + form.Encode())
	} else {
		res, err = http.PostForm(w.api.URL+"/sms/", form)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	r := smsReply{status: res.StatusCode, body: string(body)}
	if err := json.Unmarshal(body, &r); err != nil {
		w.t.Fatalf("%v: %s", err, body)
	}
	return r
}

func (w *world) short(number string, over ...string) smsReply {
	w.t.Helper()
	params := map[string]string{"Action": "SendSms", "PhoneNumbers": number, "SignName": "某县民政局", "TemplateCode": smsTemplate,
		"TemplateParam": `{"tel":"0951-5555555","code":"482913"}`, "OutId": "o1"}
	for i := 0; i < len(over); i += 2 {
		params[over[i]] = over[i+1]
	}
	return w.gateway(http.MethodPost, params, nil)
}

func (w *world) details(over ...string) smsReply {
	w.t.Helper()
	params := map[string]string{"Action": "QuerySendDetails", "PhoneNumber": childNumber, "SendDate": "20260311", "PageSize": "50", "CurrentPage": "1"}
	for i := 0; i < len(over); i += 2 {
		params[over[i]] = over[i+1]
	}
	return w.gateway(http.MethodPost, params, nil)
}

// The example of alibabacloud.com/help/doc-detail/252839 and of the signature's other pages.
func TestM1_PublishedSignature(t *testing.T) {
	form := url.Values{"AccessKeyId": {"testid"}, "Action": {"DescribeRegions"}, "Format": {"XML"}, "SignatureMethod": {"HMAC-SHA1"},
		"SignatureNonce": {"3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"}, "SignatureVersion": {"1.0"}, "Timestamp": {"2016-02-23T12:46:24Z"}, "Version": {"2014-05-26"}}
	if got := smsSignature("GET", form, "testsecret"); got != "OLeaidS1JvxuMvnyHOwuJ+uX5qY=" {
		t.Error(got)
	}
}

func TestM1_Arrives(t *testing.T) {
	w := newSMS(t)
	r := w.short(childNumber)
	if r.Code != "OK" || r.BizID == "" {
		t.Fatal(r.body)
	}
	m := w.shown("daughter", 1)[0]
	if m.From != "sms" || m.Type != "text" || m.Text != "【某县民政局】您好,您登记的家人近期联系信息有更新,请致电0951-5555555或打开 https://example.gov.cn/j 输入482913查看。" {
		t.Errorf("%+v", m)
	}
	if d := w.details("BizId", r.BizID); len(d.SmsSendDetailDTOs.SmsSendDetailDTO) != 1 || d.SmsSendDetailDTOs.SmsSendDetailDTO[0].SendStatus != 1 ||
		d.SmsSendDetailDTOs.SmsSendDetailDTO[0].ErrCode != "" {
		t.Errorf("accepted is not delivered: %s", d.body)
	}
	w.pass(smsReportIn)
	got := w.details().SmsSendDetailDTOs.SmsSendDetailDTO[0]
	if got.SendStatus != 3 || got.ErrCode != "DELIVERED" || got.OutID != "o1" || got.SendDate != "2026-03-11 08:47:00" || got.ReceiveDate != "2026-03-11 08:47:05" {
		t.Errorf("%+v", got)
	}
	if d := w.details("BizId", "other"); d.TotalCount != "0" {
		t.Error(d.body)
	}
	if d := w.details("SendDate", "20260310"); d.TotalCount != "0" {
		t.Error(d.body)
	}
	for _, bad := range [][]string{{"PageSize", "51"}, {"PageSize", ""}, {"CurrentPage", "0"}, {"SendDate", "2026-03-11"}, {"SendDate", "20260101"}} {
		if d := w.details(bad...); d.Code != "isv.INVALID_PARAMETERS" {
			t.Error(bad, d.body)
		}
	}
	if w.gateway(http.MethodGet, map[string]string{"Action": "SendSms", "PhoneNumbers": childNumber + ",13900000000", "SignName": "某县民政局",
		"TemplateCode": "SMS_2"}, nil).Code != "OK" {
		t.Error("GET, two numbers, no variables")
	}
	w.shown("daughter", 2)
	w.shown("wang", 1)
	if len(w.bot.heard()) != 0 {
		t.Error("the corp hears of a short message")
	}
}

func TestM1_WhoMayCall(t *testing.T) {
	w := newSMS(t)
	good := map[string]string{"Action": "SendSms", "PhoneNumbers": childNumber, "SignName": "某县民政局", "TemplateCode": "SMS_2"}
	edit := func(k, v string) map[string]string {
		p := map[string]string{k: v}
		for name, value := range good {
			if name != k {
				p[name] = value
			}
		}
		return p
	}
	for _, c := range []struct {
		name         string
		params, over map[string]string
		status       int
		code         string
	}{
		{"tampered", good, map[string]string{"PhoneNumbers": "13900000000"}, 400, "SignatureDoesNotMatch"},
		{"unsigned", good, map[string]string{"Signature": ""}, 400, "MissingSignature"},
		{"signed otherwise", good, map[string]string{"Signature": "AAAA"}, 400, "SignatureDoesNotMatch"},
		{"another's key", edit("AccessKeyId", "other"), nil, 404, "InvalidAccessKeyId.NotFound"},
		{"old", edit("Timestamp", "2026-03-11T00:31:59Z"), nil, 400, "InvalidTimeStamp.Expired"},
		{"local time", edit("Timestamp", "2026-03-11 08:47:00"), nil, 400, "InvalidTimeStamp.Format"},
		{"another version", edit("Version", "2018-05-01"), nil, 400, "InvalidVersion"},
		{"another method", edit("SignatureMethod", "HMAC-SHA256"), nil, 400, "InvalidSignatureMethod"},
		{"XML", edit("Format", "XML"), nil, 400, "InvalidParameter.Format"},
		{"unknown action", edit("Action", "SendPoem"), nil, 404, "InvalidAction.NotFound"},
		{"no number", edit("PhoneNumbers", ""), nil, 400, "MissingPhoneNumbers"},
	} {
		if r := w.gateway(http.MethodPost, c.params, c.over); r.status != c.status || r.Code != c.code {
			t.Errorf("%s: %d %s", c.name, r.status, r.body)
		}
	}
	once := edit("SignatureNonce", "n1")
	if r := w.gateway(http.MethodPost, once, nil); r.Code != "OK" {
		t.Error(r.body)
	}
	if r := w.gateway(http.MethodPost, once, nil); r.Code != "SignatureNonceUsed" {
		t.Error(r.body)
	}
	w.shown("daughter", 1)
	for _, line := range w.traces.newest("", 50) {
		kept, _ := w.traces.get(line.ID)
		if shown, _ := json.Marshal(kept); strings.Contains(string(shown), "Signature=") || strings.Contains(string(shown), "sample-key") {
			t.Errorf("a key is in trace %s", shown)
		}
	}
	res, err := http.Get(newWorld(t).api.URL + "/sms/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Error("a corp without a gateway has one")
	}
}

func TestM1_WhatMayBeSent(t *testing.T) {
	w := newSMS(t)
	param := func(code string) string { return `{"tel":"0951-5555555","code":"` + code + `"}` }
	for _, c := range []struct{ key, value, code string }{
		{"PhoneNumbers", "1390000", "isv.MOBILE_NUMBER_ILLEGAL"},
		{"PhoneNumbers", childNumber + ",0951-5555555", "isv.MOBILE_NUMBER_ILLEGAL"},
		{"PhoneNumbers", strings.Repeat(childNumber+",", maxSMSNumbers) + childNumber, "isv.MOBILE_COUNT_OVER_LIMIT"},
		{"SignName", "某县", "isv.SMS_SIGNATURE_ILLEGAL"},
		{"SignName", "【某县民政局】", "isv.SMS_SIGNATURE_ILLEGAL"},
		{"TemplateCode", "SMS_9", "isv.SMS_TEMPLATE_ILLEGAL"},
		{"TemplateParam", `{"tel":"0951-5555555"}`, "isv.TEMPLATE_MISSING_PARAMETERS"},
		{"TemplateParam", param(""), "isv.TEMPLATE_MISSING_PARAMETERS"},
		{"TemplateParam", "code=1", "isv.INVALID_JSON_PARAM"},
		{"TemplateParam", param("https://t.cn/x"), "isv.PARAM_NOT_SUPPORT_URL"},
		{"TemplateParam", param("www.example"), "isv.PARAM_NOT_SUPPORT_URL"},
		{"TemplateParam", param("example.gov.cn/j"), "isv.PARAM_NOT_SUPPORT_URL"},
		{"TemplateParam", param("13900000002"), "isv.TEMPLATE_PARAMS_ILLEGAL"},
		{"TemplateParam", param("请拨139 0000 0002找老马"), "isv.TEMPLATE_PARAMS_ILLEGAL"},
		{"TemplateParam", param("+8613900000002"), "isv.TEMPLATE_PARAMS_ILLEGAL"},
		{"TemplateParam", param(strings.Repeat("长", maxSMSValue+1)), "isv.PARAM_LENGTH_LIMIT"},
		{"TemplateParam", param("400-800-1234"), "OK"},
		{"TemplateParam", param("2026.3"), "OK"},
	} {
		if r := w.short(childNumber, c.key, c.value); r.status != http.StatusOK || r.Code != c.code {
			t.Errorf("%s %.40s: %s, want %s", c.key, c.value, r.body, c.code)
		}
	}
	w.shown("daughter", 2) // and nothing of what was refused
}

func TestM1_FiftyADay(t *testing.T) {
	w := newSMS(t)
	for range smsDaily {
		if r := w.short(childNumber); r.Code != "OK" {
			t.Fatal(r.body)
		}
	}
	if r := w.short("13900000000," + childNumber); r.Code != "isv.BUSINESS_LIMIT_CONTROL" {
		t.Error(r.body)
	}
	w.shown("daughter", smsDaily)
	w.shown("wang", 0) // all or none
	for _, other := range [][]string{{"PhoneNumbers", "13900000000"}, {"TemplateCode", "SMS_2"}} {
		if r := w.short(childNumber, other...); r.Code != "OK" {
			t.Error(other, r.body)
		}
	}
	if d := w.details(); d.TotalCount != fmt.Sprint(smsDaily+1) || len(d.SmsSendDetailDTOs.SmsSendDetailDTO) != smsPage {
		t.Error(d.body)
	}
	if d := w.details("CurrentPage", "2"); len(d.SmsSendDetailDTOs.SmsSendDetailDTO) != 1 {
		t.Error(d.body)
	}
	w.pass(16 * time.Hour) // past midnight
	if r := w.short(childNumber); r.Code != "OK" {
		t.Error(r.body)
	}
}

func TestM1_Fates(t *testing.T) {
	w := newSMS(t)
	const nobodys = "13900000009"
	for _, c := range []struct {
		number string
		fate   SMSFate
		want   string
		shows  int
	}{
		{childNumber, SMSStopped, "MOBILE_ACCOUNT_ABNORMAL", 0},
		{childNumber, SMSBlacklisted, "MOBILE_IN_BLACK", 0},
		{childNumber, SMSEmpty, "MOBILE_NOT_ON_SERVICE", 0},
		{nobodys, "", "MOBILE_NOT_ON_SERVICE", 0},
		{nobodys, SMSArrives, "DELIVERED", 0},
		{childNumber, SMSArrives, "DELIVERED", 1},
	} {
		w.SetSMS(c.number, c.fate)
		r := w.short(c.number)
		if r.Code != "OK" { // the gateway knows no better
			t.Fatal(r.body)
		}
		w.pass(smsReportIn)
		got := w.details("PhoneNumber", c.number, "BizId", r.BizID).SmsSendDetailDTOs.SmsSendDetailDTO
		want := 2
		if c.want == "DELIVERED" {
			want = 3
		}
		if len(got) != 1 || got[0].ErrCode != c.want || got[0].SendStatus != want {
			t.Errorf("%s %s: %+v", c.number, c.fate, got)
		}
		w.shown("daughter", c.shows)
	}
}
