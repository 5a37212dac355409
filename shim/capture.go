package shim

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/log"

	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/shim/attach"
	"github.com/gocompose/gocompose/shim/options"
)

const (
	// quietLimit is how long an exited container's output must be quiet to be
	// taken as complete though some process still has it open.
	quietLimit = time.Second
	// settleLimit bounds the waiting for an output that is not quiet. It is the
	// inner service's own bound.
	settleLimit = 10 * time.Second
)

// capture reads what one container prints, from FIFOs in its task's bundle.
type capture struct {
	taps  []*tap
	stdin *stdin // nil: standard input is empty
	// attached are the clients; nil: nobody can attach.
	attached *attach.Server
	done     chan struct{} // closed when everything is read and the log is closed
	sent     chan struct{} // closed when what is forwarded is sent, or given up, too
}

// streamsOf returns the streams that a task has.
func streamsOf(terminal bool) []logs.Stream {
	if terminal {
		return []logs.Stream{logs.Stdout}
	}
	return []logs.Stream{logs.Stdout, logs.Stderr}
}

// fifo is the path of a stream's FIFO in a task's bundle.
func fifo(bundle string, s logs.Stream) string { return filepath.Join(bundle, "gocompose-"+string(s)) }

// openCapture makes the FIFOs in the task's bundle and begins to read them. After
// release it ends when nobody has them open for writing.
func openCapture(o options.Options, r *taskapi.CreateTaskRequest) (*capture, error) {
	c := &capture{done: make(chan struct{}), sent: make(chan struct{})}
	for _, s := range streamsOf(r.Terminal) {
		t, err := makeTap(s, fifo(r.Bundle, s))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("opening output: %w", err), c.close())
		}
		c.taps = append(c.taps, t)
	}
	var err error
	if r.Stdin != "" {
		if c.stdin, err = makeStdin(r.Bundle, r.Terminal); err != nil {
			return nil, errors.Join(fmt.Errorf("opening input: %w", err), c.close())
		}
	}
	sink, err := openSink(o)
	if err != nil {
		return nil, errors.Join(err, c.close(), c.stdin.close())
	}
	c.listen(o)
	var reading sync.WaitGroup
	for _, t := range c.taps {
		reading.Go(func() {
			if err := sink.Copy(t.stream, c.attached.Tee(t.stream, t)); err != nil {
				log.L.WithError(err).Errorf("the rest of %s is not logged", t.stream)
			}
			t.waiting.Store(forEver)
		})
	}
	go func() { // ends with the readers; the service waits for it by way of sent
		defer close(c.sent)
		reading.Wait()
		if err := errors.Join(sink.Close(), c.close()); err != nil {
			log.L.WithError(err).Error("closing log")
		}
		close(c.done)
		sink.sent()
	}()
	return c, nil
}

// listen lets clients attach. What keeps them from it is no reason not to run the
// container.
func (c *capture) listen(o options.Options) {
	if o.Attach == "" {
		return
	}
	var err error
	if c.attached, err = attach.Listen(o.Attach, c.stdin); err != nil {
		log.L.WithError(err).Warn("nobody can attach")
	}
}

// detach ends what listen has begun.
func (c *capture) detach(ctx context.Context) error {
	err := c.attached.Withdraw()
	c.attached.Close(ctx)
	return err
}

// tellEnd tells the clients how the container has ended, once they have got what it
// has printed. A patient one is waited for, unless the container is deleted.
func (c *capture) tellEnd(ctx context.Context, exited time.Time, code int) {
	defer c.attached.Exited(code)
	look := time.NewTicker(quietLimit / 20)
	defer look.Stop()
	for c.attached.Patient() {
		select {
		case <-c.done:
			return
		case <-ctx.Done():
			return
		case now := <-look.C:
			if c.quiet(now, exited) {
				return
			}
		}
	}
}

// path returns the i-th stream's FIFO, or nothing if there is no such stream.
func (c *capture) path(i int) string {
	if i >= len(c.taps) {
		return ""
	}
	return c.taps[i].path
}

// release leaves the FIFOs to those who have opened them by now.
func (c *capture) release() error {
	var err error
	for _, t := range c.taps {
		err = errors.Join(err, t.release())
	}
	return err
}

// end has the capture end with what is there now, though somebody may print
// more.
func (c *capture) end() error {
	var err error
	for _, t := range c.taps {
		err = errors.Join(err, t.end(0))
	}
	return err
}

// close closes the readers, and the writers if release has not. What reads them
// ends.
func (c *capture) close() error {
	var err error
	for _, t := range c.taps {
		err = errors.Join(err, t.Close())
	}
	return err
}

// ended tells whether all has been read and written.
func (c *capture) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// settle waits until all output of a container that exited at a time has been
// read and written.
//
// It ends when nobody has the output open any more. A process that was handed
// the output and has left the container can keep it open for ever, so settle
// also returns when nothing has come for quietLimit since the exit, with all
// that came before written, and in any case after settleLimit. What comes
// later still goes to the log, until the task is deleted.
func (c *capture) settle(ctx context.Context, exited time.Time) {
	limit := time.NewTimer(settleLimit)
	defer limit.Stop()
	look := time.NewTicker(quietLimit / 20)
	defer look.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-ctx.Done():
			return
		case <-limit.C:
			return
		case now := <-look.C:
			if c.quiet(now, exited) {
				return
			}
		}
	}
}

// quiet tells whether all readers have been waiting for quietLimit.
func (c *capture) quiet(now, exited time.Time) bool {
	if now.Sub(exited) < quietLimit {
		return false
	}
	for _, t := range c.taps {
		since := t.waiting.Load()
		if since == 0 || now.Sub(time.Unix(0, since)) < quietLimit {
			return false
		}
	}
	return true
}
