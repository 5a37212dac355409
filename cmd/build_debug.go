package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/host"
)

// debugging has a shell opened where the first step fails.
type debugging struct {
	app *app

	mu     sync.Mutex
	opened bool
	ends   []func() error // what is to be done when the shell has ended
}

// open connects the user with the shell in which a failed step can be looked at.
func (d *debugging) open(f *buildkit.Failure) (buildkit.Terminal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened { // there is one terminal
		return buildkit.Terminal{}, f
	}
	d.opened = true
	a := d.app
	fmt.Fprintf(a.Err, "%v\nThis is a shell in the container as it was before that step; what it changes is lost. `exit` leaves it.\n", f)
	file, ok := a.In.(*os.File)
	terminal := ok && term.IsTerminal(int(file.Fd())) && isTerminal(a.Out)
	in, stop, err := a.input(terminal)
	if err != nil {
		return buildkit.Terminal{}, err
	}
	d.ends = append(d.ends, stop)
	t := buildkit.Terminal{TTY: terminal, Stdin: io.NopCloser(in), Stdout: unclosed{a.Out}, Stderr: unclosed{a.Err}}
	if terminal {
		t.Size = d.sizes()
	}
	return t, nil
}

// sizes tells the size of the user's terminal, now and whenever that changes.
func (d *debugging) sizes() <-chan buildkit.Size {
	sizes, over, done := make(chan buildkit.Size), make(chan struct{}), make(chan struct{})
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	go func() {
		defer close(done)
		for {
			if size := d.app.terminalSize(); size != (host.Size{}) {
				select {
				case sizes <- buildkit.Size{Rows: size.Rows, Columns: size.Columns}:
				case <-over:
					return
				}
			}
			select {
			case <-changed:
			case <-over:
				return
			}
		}
	}()
	d.ends = append(d.ends, func() error {
		signal.Stop(changed)
		close(over)
		<-done
		return nil
	})
	return sizes
}

// end leaves the terminal as it was.
func (d *debugging) end() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	for _, end := range d.ends {
		err = errors.Join(err, end())
	}
	d.ends = nil
	return err
}

// unclosed is output that others write to afterwards.
type unclosed struct{ io.Writer }

// Close does nothing.
func (unclosed) Close() error { return nil }
