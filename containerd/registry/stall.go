package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// StallError: a host sent nothing for too long.
type StallError struct {
	Host  string
	After time.Duration
}

func (e *StallError) Error() string {
	return fmt.Sprintf("%s sent nothing for %s", e.Host, e.After)
}

// stallLimit ends requests whose peer sends nothing: no headers after the
// request has gone out, or no more of the body while somebody waits for it.
type stallLimit struct {
	next  http.RoundTripper
	limit time.Duration
	// mute are the hosts that have not answered at all: the next time they have less
	// time. A mirror that is silent costs the limit once, and not for each blob.
	mute sync.Map
}

// muteShare is the share of the limit that a host has that was silent before.
const muteShare = 10

func (s *stallLimit) RoundTrip(req *http.Request) (*http.Response, error) {
	limit := s.limit
	if _, mute := s.mute.Load(req.URL.Host); mute {
		limit /= muteShare
	}
	stall := &StallError{req.URL.Host, limit}
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(limit, func() { cancel(stall) })
	req = req.WithContext(ctx)
	up := &upload{ReadCloser: req.Body, timer: timer, limit: limit}
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = up
	}
	resp, err := s.next.RoundTrip(req)
	up.answered()
	if err != nil {
		err = stalled(context.Cause(ctx), err)
		if errors.Is(err, stall) {
			s.mute.Store(req.URL.Host, true)
		}
		cancel(nil)
		return nil, untimely(err)
	}
	s.mute.Delete(req.URL.Host)
	stall.After = s.limit // of what follows
	resp.Body = &stallBody{
		ReadCloser: resp.Body,
		why:        func() error { return context.Cause(ctx) },
		cancel:     cancel,
		timer:      timer,
		limit:      s.limit,
	}
	return resp, nil
}

// upload is the body of a request. While bytes of it go out the peer has nothing to
// say.
type upload struct {
	io.ReadCloser
	limit time.Duration

	mu    sync.Mutex
	timer *time.Timer // nil: the peer has answered
}

func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	if u.timer != nil {
		u.timer.Reset(u.limit)
	}
	u.mu.Unlock()
	return u.ReadCloser.Read(p)
}

// answered ends the wait for the headers.
func (u *upload) answered() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.timer.Stop()
	u.timer = nil
}

// stallBody is a body whose reads end after the limit. Time between the reads
// does not count.
type stallBody struct {
	io.ReadCloser
	why    func() error // the request's end, if it has ended
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  time.Duration
}

func (b *stallBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.limit)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = stalled(b.why(), err)
	}
	return n, err
}

func (b *stallBody) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}

// stalled returns the stall as the error, when that is why the request ended.
func stalled(why, err error) error {
	var stall *StallError
	if errors.As(why, &stall) {
		return stall
	}
	return err
}

// untimely hides from the resolver that err is a time-out: it would try again,
// and every try takes as long.
func untimely(err error) error {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return &slow{err}
	}
	return err
}

// slow has the text of a time-out and none of its methods.
type slow struct{ err error }

func (s *slow) Error() string { return s.err.Error() }
