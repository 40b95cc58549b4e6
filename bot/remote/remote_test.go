package remote

import (
	"context"
	"errors"
	"net"
	"net/url"
	"testing"
	"time"
)

// Who goes away takes the token from nobody: the fetch goes on, and there is only one.
func TestValidOutlivesItsFirst(t *testing.T) {
	begun, may := make(chan struct{}), make(chan struct{})
	fetches := 0
	k := Tokens{Now: time.Now, Bars: func(error) bool { return false }}
	k.Fetch = func(ctx context.Context, _ string) (string, time.Time, error) {
		fetches++
		close(begun)
		select {
		case <-may:
			return "token", time.Now().Add(time.Hour), nil
		case <-ctx.Done():
			return "", time.Time{}, ctx.Err()
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := k.Valid(ctx, "")
		first <- err
	}()
	<-begun
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first heard %v", err)
	}
	close(may)
	if token, err := k.Valid(t.Context(), ""); token != "token" || err != nil || fetches != 1 {
		t.Errorf("%q, %v after %d fetches", token, err, fetches)
	}
}

func TestLostQuotesNobody(t *testing.T) {
	const secret = "https://api.example/?secret=abc"
	for _, x := range []struct {
		err   error
		text  string
		cause error
	}{
		{&url.Error{Op: "Get", URL: secret, Err: errors.New("malformed " + secret)}, "connection failed", nil},
		{&url.Error{Op: "Get", URL: secret, Err: context.DeadlineExceeded}, "no answer in time", context.DeadlineExceeded},
		{&url.Error{Op: "Get", URL: secret, Err: context.Canceled}, "cancelled", context.Canceled},
		{&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: secret}}, "name of the API host not found", nil},
		{&url.Error{Op: "Get", URL: secret, Err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("refused")}}, "dial tcp: refused", nil},
	} {
		if text, cause := Lost(x.err); text != x.text || cause != x.cause {
			t.Errorf("%q, %v; want %q, %v", text, cause, x.text, x.cause)
		}
	}
}
