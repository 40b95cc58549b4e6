package sim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// SMS is an account at a gateway for short messages, which speaks like Aliyun's (Dysmsapi 2017-05-25, RPC) under /sms/.
type SMS struct {
	AccessKey, Secret string            // no AccessKey: there is none
	Signs             []string          // approved, without 【】
	Templates         map[string]string // approved text with ${variables}, by code
}

// SMSFate is what happens to messages to a number.
type SMSFate string

// What a carrier reports, as QuerySendDetails names it. Its MOBILE_NOT_ON_SERVICE covers 停机 and 关机, too; only who is
// stopped for debt can be told from an empty number.
const (
	SMSArrives     SMSFate = "DELIVERED"
	SMSEmpty       SMSFate = "MOBILE_NOT_ON_SERVICE"   // 空号
	SMSStopped     SMSFate = "MOBILE_ACCOUNT_ABNORMAL" // 欠费停机
	SMSBlacklisted SMSFate = "MOBILE_IN_BLACK"
)

// smsState is what was sent, and what becomes of it.
type smsState struct {
	mu     sync.Mutex
	sent   []*short
	fates  map[string]SMSFate
	nonces map[string]time.Time
	count  int
}

// short is one message to one number.
type short struct {
	number, template, sign, text, bizID, outID string

	at   time.Time
	fate SMSFate
}

const (
	smsPath       = "/sms/"
	smsVersion    = "2017-05-25"
	smsReportIn   = 5 * time.Second // until then the fate is not known; not documented
	smsClock      = 15 * time.Minute
	smsDaily      = 50 // to one number with one template and signature
	maxSMSNumbers = 1000
	maxSMSValue   = 35 // characters of a variable; not documented for all templates
	smsDays       = 30
	smsPage       = 50
	smsTime       = "2006-01-02 15:04:05"
)

var (
	smsNumber   = regexp.MustCompile(`^1[3-9]\d{9}$`)
	smsVariable = regexp.MustCompile(`\$\{(\w+)\}`)
	smsLink     = regexp.MustCompile(`(?i)://|www\.|[a-z0-9-]+\.(com|cn|net|org|gov|edu|top|vip|cc|me|io|link|xyz)\b`)
	smsMobile   = regexp.MustCompile(`(^|\D)(86)?1[3-9]\d{9}(\D|$)`)
	smsSpaces   = strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "\u3000", "")
)

func (g *smsState) init() {
	g.sent, g.fates, g.nonces = nil, map[string]SMSFate{}, map[string]time.Time{}
}

func (g *smsState) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.init()
}

// SetSMS says what happens to messages to a number. Unless set, they arrive where somebody holds it, and else it is 空号.
func (s *Sim) SetSMS(number string, fate SMSFate) {
	s.sms.mu.Lock()
	defer s.sms.mu.Unlock()
	s.sms.fates[number] = fate
}

// holder is who holds a mobile number.
func (s *Sim) holder(number string) *phone {
	for _, p := range s.roll {
		if number != "" && p.member.Mobile == number {
			return p
		}
	}
	return nil
}

// smsFailure is an answer other than OK. What the gateway refuses has its own status, what SendSms refuses has 200.
type smsFailure struct {
	status        int
	code, message string
}

func (f *smsFailure) Error() string { return f.code }

func refused(code, message string) error { return &smsFailure{http.StatusOK, code, message} }

func (s *Sim) serveSMS(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	if s.opt.SMS.AccessKey == "" || r.URL.Path != smsPath {
		http.NotFound(w, r)
		return
	}
	if s.faults.Get().dead(w, "sms") {
		return
	}
	c := &call{Sim: s, w: w, r: r, path: "sms", at: s.now(), title: "短信", trace: s.traces.reserve()}
	r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
	r.ParseForm() // what cannot be parsed is missing
	answer, err := c.short()
	code, outcome := http.StatusOK, "ok"
	id := requestID()
	if err != nil {
		f := err.(*smsFailure)
		code, outcome = f.status, f.code
		refusal := map[string]string{"RequestId": id, "Code": f.code, "Message": f.message}
		if f.status != http.StatusOK {
			refusal["HostId"] = r.Host
		}
		answer = refusal
	} else {
		fields := answer.(map[string]any)
		fields["RequestId"], fields["Code"], fields["Message"] = id, "OK", "OK"
	}
	out, _ := json.Marshal(answer)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	w.Write(out)
	c.query = url.Values{}
	for k, v := range r.Form {
		if k != "Signature" && k != "AccessKeyId" {
			c.query[k] = v
		}
	}
	c.record(begin, outcome, out)
}

func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	h := strings.ToUpper(hex.EncodeToString(b[:]))
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// short does one request.
func (c *call) short() (any, error) {
	if err := c.smsSigned(); err != nil {
		return nil, err
	}
	c.sms.mu.Lock()
	defer c.sms.mu.Unlock()
	action := c.r.Form.Get("Action")
	c.title += " · " + action
	switch action {
	case "SendSms":
		return c.sendShort()
	case "QuerySendDetails":
		return c.shortDetails()
	}
	return nil, &smsFailure{http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found."}
}

// smsSigned checks what every request has: the RPC signature of version 1.0.
func (c *call) smsSigned() error {
	bad := func(code, message string) error { return &smsFailure{http.StatusBadRequest, code, message} }
	form := c.r.Form
	for _, name := range []string{"AccessKeyId", "Action", "Signature", "SignatureMethod", "SignatureNonce", "SignatureVersion",
		"Timestamp", "Version"} {
		if form.Get(name) == "" {
			return bad("Missing"+name, name+" is mandatory for this action.")
		}
	}
	at, err := time.Parse("2006-01-02T15:04:05Z", form.Get("Timestamp"))
	now := c.at.Add(-time.Duration(c.offset.Load())) // the client has the host's clock
	switch {
	case form.Get("Format") != "JSON": // the documented default is XML, which is not played
		return bad("InvalidParameter.Format", "Specified parameter format is not valid.")
	case form.Get("Version") != smsVersion:
		return bad("InvalidVersion", "Specified parameter Version is not valid.")
	case form.Get("SignatureMethod") != "HMAC-SHA1" || form.Get("SignatureVersion") != "1.0":
		return bad("InvalidSignatureMethod", "Specified signature method is not valid.")
	case form.Get("AccessKeyId") != c.opt.SMS.AccessKey:
		return &smsFailure{http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found."}
	case err != nil:
		return bad("InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
	case now.Sub(at).Abs() > smsClock:
		return bad("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	case !hmac.Equal([]byte(form.Get("Signature")), []byte(smsSignature(c.r.Method, form, c.opt.SMS.Secret))):
		return bad("SignatureDoesNotMatch", "Specified signature is not matched with our calculation.")
	}
	c.sms.mu.Lock()
	defer c.sms.mu.Unlock()
	for nonce, seen := range c.sms.nonces {
		if now.Sub(seen).Abs() > 2*smsClock {
			delete(c.sms.nonces, nonce)
		}
	}
	nonce := form.Get("SignatureNonce")
	if _, used := c.sms.nonces[nonce]; used {
		return bad("SignatureNonceUsed", "Specified signature nonce was used already.")
	}
	c.sms.nonces[nonce] = now
	return nil
}

// smsSignature: alibabacloud.com/help/doc-detail/252839.
func smsSignature(method string, form url.Values, secret string) string {
	var pairs []string
	for name := range form {
		if name != "Signature" {
			pairs = append(pairs, name)
		}
	}
	slices.Sort(pairs)
	for i, name := range pairs {
		pairs[i] = percent(name) + "=" + percent(form.Get(name))
	}
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(method + "&" + percent("/") + "&" + percent(strings.Join(pairs, "&"))))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// percent encodes as RFC 3986 does, for which url.QueryEscape falls short by one character.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// sendShort is SendSms: help.aliyun.com/document_detail/419273. It is accepted for all numbers, or for none.
func (c *call) sendShort() (any, error) {
	form := c.r.Form
	numbers := strings.Split(form.Get("PhoneNumbers"), ",")
	sign, template := form.Get("SignName"), form.Get("TemplateCode")
	pattern, approved := c.opt.SMS.Templates[template]
	switch {
	case form.Get("PhoneNumbers") == "":
		return nil, &smsFailure{http.StatusBadRequest, "MissingPhoneNumbers", "PhoneNumbers is mandatory for this action."}
	case len(numbers) > maxSMSNumbers:
		return nil, refused("isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制")
	case slices.ContainsFunc(numbers, func(n string) bool { return !smsNumber.MatchString(n) }):
		return nil, refused("isv.MOBILE_NUMBER_ILLEGAL", "非法手机号")
	case !slices.Contains(c.opt.SMS.Signs, sign):
		return nil, refused("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法")
	case !approved:
		return nil, refused("isv.SMS_TEMPLATE_ILLEGAL", "短信模版不合法")
	}
	text, err := fillTemplate(pattern, form.Get("TemplateParam"))
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		today := 0
		for _, x := range c.sms.sent {
			if x.number == n && x.template == template && x.sign == sign && sameDay(x.at, c.at) {
				today++
			}
		}
		if today >= smsDaily {
			return nil, refused("isv.BUSINESS_LIMIT_CONTROL", fmt.Sprintf("触发天级流控Permits:%d", smsDaily))
		}
	}
	c.sms.count++
	bizID := fmt.Sprintf("%d^%d", c.at.UnixNano(), c.sms.count)
	for _, n := range numbers {
		p := c.holder(n)
		x := &short{number: n, template: template, sign: sign, text: "【" + sign + "】" + text, bizID: bizID,
			outID: form.Get("OutId"), at: c.at, fate: c.sms.fates[n]}
		switch {
		case x.fate == "" && p == nil:
			x.fate = SMSEmpty
		case x.fate == "":
			x.fate = SMSArrives
		}
		c.sms.sent = append(c.sms.sent, x)
		if x.fate == SMSArrives && p != nil {
			c.about = append(c.about, p.member.UserID)
			p.put(&Message{ID: c.newCopyID(), MsgID: bizID, From: "sms", Type: "text", At: c.at.Truncate(time.Second), Text: x.text,
				Trace: c.trace})
		}
	}
	return map[string]any{"BizId": bizID}, nil
}

func sameDay(a, b time.Time) bool {
	return a.In(china).Format(time.DateOnly) == b.In(china).Format(time.DateOnly)
}

// fillTemplate puts the variables into an approved text. What a variable may hold: CreateSmsTemplate's rules.
func fillTemplate(pattern, param string) (string, error) {
	values := map[string]any{}
	if param != "" && json.Unmarshal([]byte(param), &values) != nil {
		return "", refused("isv.INVALID_JSON_PARAM", "JSON参数不合法")
	}
	var err error
	text := smsVariable.ReplaceAllStringFunc(pattern, func(v string) string {
		value := fmt.Sprint(values[smsVariable.FindStringSubmatch(v)[1]])
		plain := smsSpaces.Replace(value)
		switch {
		case err != nil:
		case value == "<nil>" || value == "":
			err = refused("isv.TEMPLATE_MISSING_PARAMETERS", "模版缺少变量")
		case smsLink.MatchString(plain):
			err = refused("isv.PARAM_NOT_SUPPORT_URL", "不支持URL")
		case smsMobile.MatchString(plain): // which code is not documented
			err = refused("isv.TEMPLATE_PARAMS_ILLEGAL", "模版变量里包含非法关键字")
		case len([]rune(value)) > maxSMSValue:
			err = refused("isv.PARAM_LENGTH_LIMIT", "参数超过长度限制")
		}
		return value
	})
	return text, err
}

// shortDetails is QuerySendDetails: help.aliyun.com/document_detail/419277.
func (c *call) shortDetails() (any, error) {
	form := c.r.Form
	number, bizID := form.Get("PhoneNumber"), form.Get("BizId")
	day, err := time.ParseInLocation("20060102", form.Get("SendDate"), china)
	size, sizeErr := strconv.Atoi(form.Get("PageSize"))
	current, pageErr := strconv.Atoi(form.Get("CurrentPage"))
	switch {
	case !smsNumber.MatchString(number):
		return nil, refused("isv.MOBILE_NUMBER_ILLEGAL", "非法手机号")
	case err != nil || sizeErr != nil || pageErr != nil || size < 1 || size > smsPage || current < 1 ||
		c.at.Sub(day) > (smsDays+1)*24*time.Hour:
		return nil, refused("isv.INVALID_PARAMETERS", "参数异常")
	}
	details := []map[string]any{}
	for _, x := range c.sms.sent {
		if x.number != number || !sameDay(x.at, day) || bizID != "" && x.bizID != bizID {
			continue
		}
		d := map[string]any{"PhoneNum": x.number, "TemplateCode": x.template, "Content": x.text, "OutId": x.outID,
			"SendDate": x.at.In(china).Format(smsTime), "SendStatus": 1} // 1 waits for the report, 2 failed, 3 arrived
		if report := x.at.Add(smsReportIn); !c.at.Before(report) {
			d["SendStatus"], d["ErrCode"], d["ReceiveDate"] = 2, x.fate, report.In(china).Format(smsTime)
			if x.fate == SMSArrives {
				d["SendStatus"] = 3
			}
		}
		details = append(details, d)
	}
	total := len(details)
	from := min((current-1)*size, total)
	return map[string]any{"TotalCount": strconv.Itoa(total),
		"SmsSendDetailDTOs": map[string]any{"SmsSendDetailDTO": details[from:min(from+size, total)]}}, nil
}
