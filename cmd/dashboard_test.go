package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/view"
)

func TestKeysOfTheDashboard(t *testing.T) {
	const typed = "k\x1b[A\x1bOAj\x1b[B\x1bOB\x1b[1;5Cxl\x0cq\x03\x1b"
	want := []key{keyUp, keyUp, keyUp, keyDown, keyDown, keyDown, keyLogs, keyRedraw, keyQuit, keyInterrupt}
	if got := keysIn(typed); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for i := range typed { // what is cut off is no key, and no crash
		keysIn(typed[i:])
		keysIn(typed[:i])
	}
}

func sampleOf(t *testing.T, states ...planner.State) []measured {
	var all []measured
	for i, s := range states {
		name := fmt.Sprintf("shop-web-%d", i+1)
		all = append(all, measured{Info: host.Info{
			Container: planner.Container{ID: name + ".x", State: s, Spec: project.Container{Project: "shop", Service: "web"}},
			Name:      name, Dir: t.TempDir(), ExitCode: 3, Restarts: i,
		}})
	}
	return all
}

func TestTheSelectedContainerStaysSelected(t *testing.T) {
	d := &dashboard{}
	all := sampleOf(t, planner.StateRunning, planner.StateExited, planner.StatePaused)
	selected := func() string {
		if len(d.model.Rows) == 0 {
			return ""
		}
		return d.model.Rows[d.model.Selected].Name
	}
	press := func(keys ...key) {
		for _, k := range keys {
			d.press(k)
		}
	}
	press(keyDown, keyUp) // there is nothing yet
	d.take(sampled{all: all})
	press(keyUp, keyDown, keyDown, keyDown)
	if selected() != "web-3" {
		t.Errorf("%s is selected", selected())
	}
	press(keyUp)
	d.take(sampled{all: all[1:]})
	if selected() != "web-2" {
		t.Errorf("with one less %s is selected", selected())
	}
	d.take(sampled{all: all[:1]})
	if selected() != "web-1" {
		t.Errorf("when it has gone %s is selected", selected())
	}
	d.take(sampled{err: errors.New("no answer")})
	if selected() != "web-1" || d.model.Trouble != "no answer" {
		t.Errorf("with trouble %q: %s is selected", d.model.Trouble, selected())
	}
	d.take(sampled{})
	if selected() != "" || d.model.Trouble != "" {
		t.Errorf("%s is selected of none", selected())
	}
}

func TestRowsOfTheDashboardSayHowContainersAre(t *testing.T) {
	unhealthy := &health.State{Status: health.Unhealthy}
	starting := &health.State{Status: health.Starting}
	for _, c := range []struct {
		state  planner.State
		health *health.State
		code   int
		want   string
	}{
		{planner.StateRunning, nil, 0, "running//good"},
		{planner.StateRunning, starting, 0, "running/starting/fair"},
		{planner.StateRunning, unhealthy, 0, "running/unhealthy/bad"},
		{planner.StatePaused, nil, 0, "paused//fair"},
		{planner.StateRestarting, nil, 1, "restarting (1)//fair"},
		{planner.StateExited, unhealthy, 1, "exited (1)//bad"},
		{planner.StateExited, nil, 0, "exited (0)//"},
		{planner.StateCreated, nil, 0, "created//fair"},
	} {
		m := measured{Info: host.Info{Container: planner.Container{State: c.state}, Health: c.health, ExitCode: c.code}}
		r := dashboardRow(m)
		if got := r.State + "/" + r.Health + "/" + string(r.Tone); got != c.want || (r.CPU == "") == hasProcess(m.Info) {
			t.Errorf("%+v, want %s", r, c.want)
		}
	}
}

// terminalPair is a terminal and what is seen and typed at it.
func terminalPair(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here:", err)
	}
	t.Cleanup(func() { screen.Close() })
	fd := int(screen.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skip("no terminals here:", err)
	}
	t.Cleanup(func() { terminal.Close() })
	return screen, terminal
}

// seen collects what a terminal shows.
type seen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *seen) read(from *os.File) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.text.Write(buf[:n])
		s.mu.Unlock()
	}
}

// await waits until what is shown has the text, and forgets it.
func (s *seen) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		all := s.text.String()
		if _, after, ok := strings.Cut(all, text); ok {
			s.text.Reset()
			s.text.WriteString(after)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
	}
	t.Fatalf("%q is not shown", text)
}

func TestAPanicOfTheDashboardIsThatOfWhoOwnsTheTerminal(t *testing.T) {
	_, terminal := terminalPair(t)
	d := &dashboard{screen: view.NewFullScreen(terminal, nil)}
	defer func() {
		if p := recover(); p != "broken" {
			t.Errorf("it panicked with %v", p)
		}
	}()
	err := d.run(t.Context(), terminal, func(context.Context) ([]measured, error) { panic("broken") })
	t.Errorf("it ended with %v", err)
}

func TestTheDashboardOnATerminal(t *testing.T) {
	screen, terminal := terminalPair(t)
	size := func(columns, rows uint16) {
		if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
			t.Fatal(err)
		}
	}
	size(100, 10)
	if _, err := term.MakeRaw(int(terminal.Fd())); err != nil {
		t.Fatal(err)
	}
	var shown seen
	go shown.read(screen) // ends when the test closes it
	type keyFor struct{ typed, want string }
	for _, c := range []struct {
		keys []keyFor
		end  string
		code int
	}{
		{[]keyFor{{"", "> web-1"}, {"\x1b[B", "> web-2"}, {"k", "> web-1"}, {"l", "\x1b[5;1H\x1b[K"}, {"resize", "RESTARTS"}}, "q", 0},
		{[]keyFor{{"", "> web-1"}}, "\x03", exitInterrupted},
	} {
		all := sampleOf(t, planner.StateRunning, planner.StateExited)
		d := &dashboard{screen: view.NewFullScreen(terminal, nil), model: view.Dashboard{Project: "shop", ShowLogs: true}}
		d.take(sampled{all: all})
		ended := make(chan error)
		go func() {
			ended <- d.run(t.Context(), terminal, func(context.Context) ([]measured, error) { return all, nil })
		}()
		for _, k := range c.keys {
			if k.typed == "resize" {
				size(60, 10) // where that column is not seen
				_ = syscall.Kill(os.Getpid(), syscall.SIGWINCH)
				shown.await(t, "\x1b[2J")
				size(120, 10)
				_ = syscall.Kill(os.Getpid(), syscall.SIGWINCH)
			} else if _, err := screen.WriteString(k.typed); err != nil {
				t.Fatal(err)
			}
			shown.await(t, k.want)
		}
		if _, err := screen.WriteString(c.end); err != nil {
			t.Fatal(err)
		}
		err := <-ended
		var exit *exitError
		if errors.As(err, &exit) && exit.code != c.code || err == nil && c.code != 0 || err != nil && exit == nil {
			t.Errorf("%q: %v, want exit code %d", c.end, err, c.code)
		}
		if err := d.screen.Close(); err != nil {
			t.Error(err)
		}
		shown.await(t, "\x1b[?1049l")
	}
}
