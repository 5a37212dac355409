package cmd

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/view"
)

func TestUpCanBeLeft(t *testing.T) {
	r := rehearse(t, upMode{}, both)
	pressed := make(chan struct{})
	closed := false
	r.menu = func(detach func(), _ *watchSwitch) (func() error, error) {
		go func() {
			<-pressed
			detach()
		}()
		return func() error { closed = true; return nil }, nil
	}
	r.start()
	r.out.shows(t, "db-1   | up\n")
	close(pressed)
	r.expectEnd(exitOK, "apply")
	if !closed || !strings.HasSuffix(r.out.String(), sayDetached+"\n") {
		t.Errorf("closed %v; there is\n%s", closed, r.out)
	}
}

func TestTheMenuIsGoneBeforeUpEnds(t *testing.T) {
	r := rehearse(t, upMode{}, both)
	open := make(chan struct{})
	r.menu = func(func(), *watchSwitch) (func() error, error) {
		close(open)
		return func() error { r.note("menu closed"); return nil }, nil
	}
	r.start()
	<-open // what is up is shown before that
	r.interrupt(errInterrupted)
	r.expectEnd(exitInterrupted, "apply", "menu closed", "stop")
}

// pseudoTerminal returns both ends of one; the other end is closed by the test's.
func pseudoTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close(); _ = master.Close() })
	return master, slave
}

func termios(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	got, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *got
}

func TestKeysOfTheMenuAreReadAndTheTerminalIsAsBefore(t *testing.T) {
	master, slave := pseudoTerminal(t)
	before := termios(t, slave)
	a := &app{Streams: Streams{In: slave, Out: slave, Err: slave}}
	console := &view.Console{}
	pressed := make(chan string, 4)
	m, err := a.newMenu(console, []shortcut{
		{'d', label("Detach"), func() { pressed <- "d" }},
		{'w', label("Enable Watch"), func() { pressed <- "w" }},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.set(); err != nil {
		t.Fatal(err)
	}
	raw := termios(t, slave)
	if raw.Lflag&(unix.ICANON|unix.ECHO) != 0 || raw.Lflag&unix.ISIG == 0 || raw.Oflag != before.Oflag {
		t.Errorf("flags %x and %x: want keys at once, unseen, and Ctrl-C as before", raw.Lflag, raw.Oflag)
	}
	var reading sync.WaitGroup
	reading.Go(m.read)
	for _, key := range []string{"x", "w", "d"} {
		if _, err := master.WriteString(key); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"w", "d"} {
		select {
		case got := <-pressed:
			if got != want {
				t.Errorf("%s was pressed, want %s", got, want)
			}
		case <-time.After(patienceOfTests):
			t.Fatalf("%s was not noticed", want)
		}
	}
	if err := m.keys.stop(); err != nil {
		t.Fatal(err)
	}
	reading.Wait()
	if err := m.restore(); err != nil || termios(t, slave) != before {
		t.Errorf("the terminal is %+v, want %+v; %v", termios(t, slave), before, err)
	}
}

func TestTheLineOfTheMenuIsNotWiderThanTheTerminal(t *testing.T) {
	_, slave := pseudoTerminal(t)
	a := &app{Streams: Streams{In: slave, Out: slave, Err: slave}}
	a.globals.ansi = "never"
	m, err := a.newMenu(&view.Console{}, []shortcut{{'d', label("Detach"), nil}, {'w', label("Enable Watch"), nil}})
	if err != nil {
		t.Fatal(err)
	}
	for columns, want := range map[uint16]string{80: "d Detach   w Enable Watch", 20: "d Detach", 5: ""} {
		if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
			t.Fatal(err)
		}
		if got := m.line(); got != want {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
	}
}

func TestWithoutATerminalThereIsNoMenu(t *testing.T) {
	for _, asked := range []bool{false, true} {
		var errs strings.Builder
		a := &app{Streams: Streams{In: strings.NewReader(""), Out: &errs, Err: &errs}}
		if a.hasMenu(upMode{menu: true, menuAsked: asked}) || (errs.Len() > 0) != asked {
			t.Errorf("asked for: %v; %q", asked, &errs)
		}
	}
}

func label(text string) func() string { return func() string { return text } }

func TestWatchingIsTurnedOnAndOff(t *testing.T) {
	began, ended := make(chan struct{}, 2), make(chan struct{}, 2)
	var said []string
	s := &watchSwitch{
		run: func(ctx context.Context) error {
			began <- struct{}{}
			<-ctx.Done()
			ended <- struct{}{}
			return ctx.Err()
		},
		say: func(text string) { said = append(said, text) },
	}
	for range 2 {
		if s.label() != "Enable Watch" {
			t.Errorf("off, it says %s", s.label())
		}
		s.toggle(t.Context())
		<-began
		if s.label() != "Disable Watch" {
			t.Errorf("on, it says %s", s.label())
		}
		s.toggle(t.Context())
		<-ended
	}
	if want := []string{"Watch disabled", "Watch disabled"}; !slices.Equal(said, want) {
		t.Errorf("it says %q, want %q", said, want)
	}
}
