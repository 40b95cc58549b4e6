package sim

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (w *world) dialled(body string, n int) reply {
	w.t.Helper()
	r := w.post("dial/get_dial_record", body).wants(0)
	if got := len(r.fields["record"].([]any)); got != n {
		w.t.Fatalf("%d records, want %d: %s", got, n, r.body)
	}
	return r
}

func TestP1_OnlyAnsweredCallsAreOnRecord(t *testing.T) {
	w := newWorld(t)
	for i, want := range []Outcome{NoAnswer, WrongNumber, SwitchedOff, Answered} {
		number := fmt.Sprint("1390000001", i)
		w.SetPhone(number, want)
		if got := w.Dial("mayun", number); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if w.DialPrivately("13900000013") != Answered || w.Dial("child", "13900000013") != Answered {
		t.Error("a call from one's own SIM") // leaves no record
	}
	r := w.dialled(`{}`, 1)
	wantIn(t, r.body, fmt.Sprintf(`"record":[{"call_time":%d,"total_duration":3,"call_type":1,"caller":{"userid":"MaYun","duration":3},"callee":[{"phone":13900000013,"duration":3}]}]`, morning.Unix()))
	for _, number := range []string{"13900000000", "0951-5555555"} {
		w.SetPhone(number, Answered)
		w.Dial("mayun", number)
	}
	wantIn(t, w.dialled(`{}`, 3).body, `"callee":[{"userid":"wang","duration":3}]`, `"phone":"0951-5555555"`)
	w.shown("wang", 0)
	w.contactEvents(0) // the app hears of no call
}

func TestP1_Span(t *testing.T) {
	w := newWorld(t)
	w.SetPhone("13900000001", Answered)
	w.Dial("mayun", "13900000001")
	at := morning.Unix()
	span := func(from, to int64) string { return fmt.Sprintf(`{"start_time":%d,"end_time":%d}`, from, to) }
	w.dialled(span(at, at), 1)
	w.dialled(span(at-100, at-1), 0)
	w.dialled(span(at-100, at+int64(dialSpan/time.Second)), 1)
	w.dialled(span(at-100, at+1+int64(dialSpan/time.Second)), 0) // longer: the last 30 days of it
	w.post("dial/get_dial_record", span(at, at-1)).wants(600018)
	w.post("dial/get_dial_record", span(at+1, at+2)).wants(600018)
	w.post("dial/get_dial_record", `{"offset":-1}`).wants(40058)
	for range dialPage + 4 {
		w.Dial("mayun", "13900000001")
	}
	w.dialled(`{"limit":1000}`, dialPage)
	w.dialled(`{"offset":100}`, 5)
	w.dialled(`{"offset":103,"limit":1}`, 1)
	w.dialled(`{"offset":1000}`, 0)
	newWorld(t, func(o *Options) { o.Dial.Unlisted = true }).post("dial/get_dial_record", `{}`).wants(48002)
}

func TestP1_Chance(t *testing.T) {
	draw := func(seed uint64) (all string, count map[Outcome]int) {
		w := newWorld(t, func(o *Options) { o.Dial.Seed = seed })
		count = map[Outcome]int{}
		for n := range 400 {
			number := fmt.Sprintf("139000%05d", n)
			first, second := w.DialPrivately(number), w.DialPrivately(number)
			if (first == WrongNumber) != (second == WrongNumber) {
				t.Error("a wrong number became right by itself")
			}
			all += fmt.Sprint(first, second)
			count[first]++
		}
		return all, count
	}
	once, count := draw(7)
	if again, _ := draw(7); once != again {
		t.Error("not the same in every run")
	}
	if other, _ := draw(8); once == other {
		t.Error("the seed changes nothing")
	}
	for o, between := range map[Outcome][2]int{Answered: {180, 280}, NoAnswer: {70, 150}, WrongNumber: {8, 40}, SwitchedOff: {25, 75}} {
		if n := count[o]; n < between[0] || n > between[1] {
			t.Errorf("%s: %d of 400", o, n)
		}
	}
	w := newWorld(t)
	w.SetPhone("13900000001", SwitchedOff)
	w.SetPhone("13900000001", "")
	if _, set := w.lines.set["13900000001"]; set {
		t.Error("still set")
	}
}

// Each channel dies by itself; with 微信客服, the 服务号 and short messages all dead a person can still be called.
func TestChannelsDieByThemselves(t *testing.T) {
	o := newOfficial(t, func(o *Options) {
		o.SMS = SMS{AccessKey: "sample-key", Secret: "s"}
		o.Kf = []KfAccount{{OpenKfID: "wk1", Name: "老人关爱", Granted: true}}
	})
	paths := map[string]string{"kf": "/cgi-bin/kf/account/list", "externalcontact": "/cgi-bin/externalcontact/list", "official": "/official/cgi-bin/qrcode/create",
		"sms": "/sms/", "dial": "/cgi-bin/dial/get_dial_record", "pstncc": "/cgi-bin/pstncc/call"}
	ask := func(path string) (int, string) {
		res, err := http.Post(o.api.URL+path, "application/json", strings.NewReader("{}"))
		if err != nil {
			return 0, ""
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(body)
	}
	for name := range paths {
		for other, path := range paths {
			o.Faults().Set(FaultSet{Dead: name})
			if code, _ := ask(path); (code == 0) != (other == name) {
				t.Errorf("%s dead: %s answers %d", name, other, code)
			}
			o.Faults().Set(FaultSet{Broken: name})
			if code, _ := ask(path); (code == 500) != (other == name) {
				t.Errorf("%s broken: %s answers %d", name, other, code)
			}
		}
	}
	o.Faults().Set(FaultSet{Dead: "kf|official", Broken: "sms"})
	for name, want := range map[string]int{"kf": 0, "official": 0, "sms": 500, "externalcontact": 200} {
		if code, body := ask(paths[name]); code != want {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
	o.text("应用消息照样到").wants(0)
	o.SetPhone(childNumber, Answered)
	if o.Dial("mayun", childNumber) != Answered {
		t.Error("nobody can be called")
	}
	o.dialled(`{}`, 1)
	o.delivered(o.Follow("child", ""), 1) // what comes from outside still comes
	o.events(1)
}
