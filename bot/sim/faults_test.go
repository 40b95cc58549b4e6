package sim

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestDownClosesTheConnection(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{Down: true})
	for _, path := range []string{"getcallbackip", "gettoken?corpid=x"} {
		if res, err := http.Get(w.url(path)); err == nil {
			res.Body.Close()
			t.Errorf("%s was answered", path)
		}
	}
	w.delivered(w.Say("mayun", "回调照样来"), 1)
	w.Faults().Set(FaultSet{})
	w.get("getcallbackip").wants(0)
}

func TestHTTP500(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{HTTP500: true})
	res, err := http.Get(w.url("getcallbackip"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 500 || body[0] != '<' {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestSlowWaits(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{SlowMS: 700})
	w.text("x").wants(0)
	if !slices.Equal(w.slept, []time.Duration{700 * time.Millisecond}) {
		t.Error(w.slept)
	}
}

func TestHangNeverAnswers(t *testing.T) {
	w := newWorld(t)
	w.Faults().Set(FaultSet{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url("getcallbackip"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := http.DefaultClient.Do(req); err == nil {
		res.Body.Close()
		t.Error("answered")
	}
}

func TestErrCodeCounts(t *testing.T) {
	var f Faults
	var all sync.WaitGroup
	f.Set(FaultSet{ErrCode: 7, ErrCodeTimes: 30})
	got := make([]int, 50)
	for i := range got {
		all.Go(func() { got[i] = f.takeErrCode() })
	}
	all.Wait()
	slices.Sort(got)
	if got[19] != 0 || got[20] != 7 || f.Get().ErrCode != 0 {
		t.Error(got)
	}
	f.Set(FaultSet{ErrCode: 7})
	if f.takeErrCode() != 7 || f.takeErrCode() != 0 {
		t.Error("errcode without times: want once")
	}
}
