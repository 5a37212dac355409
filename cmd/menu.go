package cmd

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/gocompose/gocompose/view"
)

// shortcut is what a key does while up is in the foreground.
type shortcut struct {
	key   byte
	label func() string
	press func()
}

// shortcuts are those of up.
func shortcuts(ctx context.Context, detach func(), watching *watchSwitch) []shortcut {
	return []shortcut{
		{'d', func() string { return "Detach" }, detach},
		{'w', watching.label, func() { watching.toggle(ctx) }},
	}
}

// hasMenu tells whether there is a terminal whose keys can be read, and the line
// that tells of them be shown; it says so to who has asked for it in vain.
func (a *app) hasMenu(m upMode) bool {
	in, ok := a.In.(*os.File)
	moving := a.look(a.Out).Mode(view.Mode(a.globals.progress)) == view.ModeTTY
	if ok && moving && isTerminal(a.Out) && ownsTerminal(in) {
		return true
	}
	if m.menuAsked {
		a.warn("--menu: there is no terminal for it")
	}
	return false
}

// ownsTerminal tells whether f is the terminal that the program may read: it is not
// in the background.
func ownsTerminal(f *os.File) bool {
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// lookInterval is how soon a program that has the terminal again knows that.
const lookInterval = 300 * time.Millisecond

// menu reads keys, and shows a line with what they do.
type menu struct {
	console *view.Console
	app     *app
	in      *os.File
	before  *unix.Termios // of the terminal
	keys    *stoppable
	all     []shortcut
	over    chan struct{} // closed when it ends
	front   chan struct{} // holds one: the program has the terminal again

	restoring sync.Once
	err       error // of restoring
}

func (a *app) newMenu(console *view.Console, all []shortcut) (m *menu, err error) {
	m = &menu{console: console, app: a, in: a.In.(*os.File), all: all, over: make(chan struct{}), front: make(chan struct{}, 1)}
	if m.before, err = unix.IoctlGetTermios(int(m.in.Fd()), unix.TCGETS); err != nil {
		return nil, err
	}
	m.keys, err = newStoppable(m.in)
	return m, err
}

// startMenu has keys do what the shortcuts say until the function that it returns
// is called. The terminal gives each key at once and does not show it; Ctrl-C and
// the like mean what they do otherwise.
func (a *app) startMenu(console *view.Console, all []shortcut) (stop func() error, err error) {
	m, err := a.newMenu(console, all)
	if err != nil {
		return nil, err
	}
	caught := make(chan os.Signal, 4)
	signal.Notify(caught, syscall.SIGCONT, syscall.SIGWINCH, syscall.SIGQUIT, syscall.SIGHUP)
	signal.Ignore(syscall.SIGTTIN) // of who reads in the background
	if err = m.begin(); err != nil {
		signal.Stop(caught)
		return nil, errors.Join(err, m.restore(), m.keys.stop())
	}
	var work sync.WaitGroup
	work.Go(m.read)
	work.Go(func() { m.listen(caught) })
	return func() error {
		signal.Stop(caught)
		signal.Reset(syscall.SIGTTIN)
		close(m.over)
		stopped := m.keys.stop()
		work.Wait()
		console.Footer(a.Out, "")
		if !ownsTerminal(m.in) { // who has it may have set it
			return stopped
		}
		return errors.Join(stopped, m.restore())
	}, nil
}

// begin sets the terminal and shows the line. In the background there is none.
func (m *menu) begin() error {
	if !ownsTerminal(m.in) {
		m.console.Footer(m.app.Out, "")
		return nil
	}
	if err := m.set(); err != nil {
		return err
	}
	m.console.Footer(m.app.Out, m.line())
	return nil
}

// set has the terminal give keys.
func (m *menu) set() error {
	keys := *m.before
	keys.Lflag &^= unix.ICANON | unix.ECHO
	keys.Cc[unix.VMIN], keys.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(int(m.in.Fd()), unix.TCSETS, &keys)
}

func (m *menu) restore() error {
	m.restoring.Do(func() { m.err = unix.IoctlSetTermios(int(m.in.Fd()), unix.TCSETS, m.before) })
	return m.err
}

// line is what is shown, as far as the terminal is wide.
func (m *menu) line() string {
	columns, _, err := term.GetSize(int(m.in.Fd()))
	if err != nil || columns == 0 {
		columns = 80
	}
	var parts []string
	for _, s := range m.all {
		part := string(s.key) + " " + s.label()
		if columns -= len(part) + 3; columns > 0 {
			parts = append(parts, part)
		}
	}
	text := strings.Join(parts, "   ")
	if text != "" && m.app.look(m.app.Out).Colours() {
		text = "\x1b[2m" + text + "\x1b[0m"
	}
	return text
}

// read has the shortcuts of keys done; Enter puts an empty line between others.
func (m *menu) read() {
	one := make([]byte, 1)
	for {
		n, err := m.keys.Read(one)
		switch {
		case errors.Is(err, syscall.EIO) && m.comesBack():
			continue
		case n == 0 || err != nil:
			return
		}
		if one[0] == '\n' || one[0] == '\r' {
			_, _ = m.console.Above(m.app.Out).Write([]byte("\n"))
		}
		for _, s := range m.all {
			if s.key == one[0] {
				s.press()
				m.console.Footer(m.app.Out, m.line())
			}
		}
	}
}

// comesBack waits, in the background, for the program to have the terminal again;
// false: it ends before.
func (m *menu) comesBack() bool {
	select {
	case <-m.over:
		return false
	case <-m.front:
		return true
	}
}

// listen does what becomes of a terminal: it has another size, the program has been
// stopped and goes on, or it ends at once and the terminal is as it was before.
func (m *menu) listen(caught <-chan os.Signal) {
	// Nobody tells a program that runs in the background that it has the terminal again.
	look := time.NewTicker(lookInterval)
	look.Stop()
	defer look.Stop()
	for {
		select {
		case <-m.over:
			return
		case <-look.C:
			if ownsTerminal(m.in) {
				look.Stop()
				m.comeBack()
			}
		case s := <-caught:
			switch s {
			case syscall.SIGWINCH:
				if ownsTerminal(m.in) {
					m.console.Footer(m.app.Out, m.line())
				}
			case syscall.SIGCONT:
				if m.comeBack(); !ownsTerminal(m.in) {
					look.Reset(lookInterval)
				}
			default:
				_ = m.restore()
				signal.Reset(s)
				_ = syscall.Kill(os.Getpid(), s.(syscall.Signal))
			}
		}
	}
}

// comeBack has the terminal give keys again, as far as there is one and it is the
// program's.
func (m *menu) comeBack() {
	_ = m.begin()
	poke(m.front)
}
