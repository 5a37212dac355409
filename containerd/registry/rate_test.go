package registry

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// busy answers so many requests with status 429.
func busy(t *testing.T, refusals int32, after string) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) > refusals {
			return
		}
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}`)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func TestARegistryThatIsBusyIsAskedAgainLater(t *testing.T) {
	for _, after := range []string{"", "0"} {
		url, asked := busy(t, 2, after)
		resp, err := stallClient(3 * time.Second).Get(url)
		if err != nil || resp.StatusCode != http.StatusOK || asked.Load() != 3 {
			t.Errorf("Retry-After %q: %v, asked %d times", after, err, asked.Load())
		}
		if err == nil {
			resp.Body.Close()
		}
	}
}

func TestARegistryThatStaysBusySaysForHowLong(t *testing.T) {
	url, asked := busy(t, 1000, "300")
	_, err := stallClient(time.Second).Get(url)
	var rate *RateError
	if !errors.As(err, &rate) || rate.After != 5*time.Minute || rate.Said != "You have reached your pull rate limit." || asked.Load() != 1 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
	// It does not say for how long: it is asked again after 10, 20 and 40 of 100 ms.
	url, asked = busy(t, 1000, "")
	if _, err = stallClient(300 * time.Millisecond).Get(url); !errors.As(err, &rate) || asked.Load() != 4 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
	// What was sent with the request is gone, so it cannot be asked again.
	url, asked = busy(t, 1, "")
	if _, err = stallClient(time.Second).Post(url, "text/plain", strings.NewReader("x")); !errors.As(err, &rate) || asked.Load() != 1 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
}

func TestTimesToRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestWordsOfRegistries(t *testing.T) {
	for body, want := range map[string]string{
		`{"errors":[{"code":"DENIED","message":"requested access\nto the resource is denied"}]}`: "requested access to the resource is denied",
		`{"errors":[{"code":"DENIED"}]}`:               "DENIED",
		`{"details":"incorrect username or password"}`: "incorrect username or password",
		`{"message":"no"}`:                             "no",
		"toomanyrequests: slow down\n":                 "toomanyrequests: slow down",
		"<html><body>Too many requests</body></html>":  "",
		`{"half":`:                      "",
		"":                              "",
		strings.Repeat("ä", 2*maxWords): strings.Repeat("ä", maxWords),
	} {
		if got := Saying([]byte(body)); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}
