package registry

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// RateError: a registry is asked more often than it wants.
type RateError struct {
	Host string
	// After is how long it wants to be left alone; zero: it does not say.
	After time.Duration
	// Said is the registry's reason, in its own words, or empty.
	Said string
}

func (e *RateError) Error() string {
	text := e.Host + " is asked too often"
	if e.Said != "" {
		text += fmt.Sprintf(" (it says %q)", e.Said)
	}
	return text
}

// rateLimit asks again what a registry did not want to be asked so soon, when it
// need not wait for long.
type rateLimit struct {
	next http.RoundTripper
	// patience is how long it waits in all, and pause the first time when the
	// registry does not say.
	patience, pause time.Duration
	// vain are the hosts that were waited for in vain: they are asked, and not waited
	// for. A mirror that fails all the time costs that once, and not for each blob.
	vain sync.Map
}

func (r *rateLimit) RoundTrip(req *http.Request) (*http.Response, error) {
	left, pause := r.patience, r.pause
	if _, vain := r.vain.Load(req.URL.Host); vain {
		left = 0
	}
	for {
		resp, err := r.next.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusTooManyRequests {
			r.vain.Delete(req.URL.Host)
			return resp, err
		}
		refused := rateError(resp)
		wait := refused.After
		if wait <= 0 {
			wait, pause = pause, 2*pause
		}
		if wait > left || req.Body != nil && req.Body != http.NoBody {
			r.vain.Store(req.URL.Host, true)
			return nil, refused
		}
		left -= wait
		select {
		case <-req.Context().Done():
			return nil, req.Context().Err()
		case <-time.After(wait):
		}
	}
}

// rateError reads an answer to its end.
func rateError(resp *http.Response) *RateError {
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxSaying)) // without it there are no words
	return &RateError{Host: resp.Request.URL.Host, After: retryAfter(resp.Header, time.Now()), Said: Saying(body)}
}

// retryAfter reads the header of that name (RFC 9110, 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

const (
	maxSaying = 8 << 10 // bytes of an answer that are looked at
	maxWords  = 300     // characters of it that are shown
)

// Saying returns a registry's own words from the body of an answer, in one line
// (https://github.com/opencontainers/distribution-spec, "Error Codes"), or what a
// server of tokens gives as details. Pages for browsers say nothing.
func Saying(body []byte) string {
	var answer struct {
		Errors           []struct{ Code, Message string }
		Details, Message string
	}
	text := ""
	switch err := json.Unmarshal(body, &answer); {
	case err != nil:
		if text = string(body); strings.ContainsAny(text, "<{") {
			return ""
		}
	case len(answer.Errors) > 0 && answer.Errors[0].Message != "":
		text = answer.Errors[0].Message
	case len(answer.Errors) > 0:
		text = answer.Errors[0].Code
	case answer.Details != "":
		text = answer.Details
	default:
		text = answer.Message
	}
	words := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " "))
	return string(words[:min(len(words), maxWords)])
}
