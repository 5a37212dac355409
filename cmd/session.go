package cmd

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/gocompose/gocompose/host"
)

// errDetached: the user has left a process by the keys for that; it goes on. The
// words are docker's.
var errDetached = errors.New("read escape sequence")

// sessionOptions say how the user is connected with a process.
type sessionOptions struct {
	// terminal: the process has one. While something is typed at ours it is raw, so
	// that all keys are the process's, and the size of ours becomes its size.
	terminal bool
	// redraw has the process paint its terminal anew: somebody was there before.
	redraw bool
	// input: what is typed, or comes through a pipe, goes to the process.
	input bool
	// detachKeys leave the process: see parseKeys. They need a terminal.
	detachKeys []byte
	// signals go to the process and do not end gocompose. Of a terminal they are
	// keys anyway, and are not passed on.
	signals bool
}

// session connects the user with a process, of attach, exec and run alike, until
// that has ended, and returns its exit code. The error is errDetached when the user
// has left it, and the cause of ctx when that ends. The terminal is in the end as it
// was. Closing p is left to the caller.
func (a *app) session(ctx context.Context, p host.Process, o sessionOptions) (code int, err error) {
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	if o.terminal {
		if size := a.terminalSize(); o.redraw && size.Rows > 1 {
			size.Rows--
			_ = p.Resize(ctx, size) // what follows is another size
		}
		defer a.followSize(ctx, p)()
	} else if o.signals {
		defer a.signalled.pass(func(s syscall.Signal) {
			if err := p.Signal(ctx, s); err != nil && ctx.Err() == nil {
				leave(err)
			}
		})()
	}
	streams := host.Streams{Out: a.Out, Err: a.Err}
	if o.input {
		in, stop, ierr := a.input(o.terminal)
		if ierr != nil {
			return 0, ierr
		}
		defer func() { err = errors.Join(err, stop()) }()
		if o.terminal && len(o.detachKeys) > 0 {
			in = &keyReader{Reader: in, keys: o.detachKeys, pressed: func() { leave(errDetached) }}
		}
		streams.In = in
	}
	return p.Copy(ctx, streams)
}

// input returns what is typed, of a raw terminal if that is wanted and it is one. A
// Read that waits has an end when it is stopped.
func (a *app) input(raw bool) (in io.Reader, stop func() error, err error) {
	f, ok := a.In.(*os.File)
	if !ok {
		return a.In, func() error { return nil }, nil
	}
	r, err := newStoppable(f)
	if err != nil {
		return nil, nil, err
	}
	if !raw || !term.IsTerminal(int(f.Fd())) {
		return r, r.stop, nil
	}
	before, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return nil, nil, errors.Join(err, r.stop())
	}
	return r, func() error { return errors.Join(r.stop(), term.Restore(int(f.Fd()), before)) }, nil
}

// terminalSize returns the size of the user's terminal; the zero Size: there is none.
func (a *app) terminalSize() host.Size {
	for _, stream := range []any{a.Out, a.In} {
		if f, ok := stream.(*os.File); ok {
			if columns, rows, err := term.GetSize(int(f.Fd())); err == nil && rows > 0 && columns > 0 {
				return host.Size{Rows: rows, Columns: columns}
			}
		}
	}
	return host.Size{}
}

// followSize gives the process's terminal the size of ours, now and whenever that
// changes, until the function that it returns is called.
func (a *app) followSize(ctx context.Context, p host.Process) (stop func()) {
	if a.terminalSize() == (host.Size{}) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			// A process that cannot be told has ended, or is told the next time.
			if size := a.terminalSize(); size != (host.Size{}) {
				_ = p.Resize(ctx, size)
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	}()
	return func() {
		signal.Stop(changed)
		cancel()
		<-done
	}
}
