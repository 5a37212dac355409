//go:build live

package cmd_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// terminals are the programs that a script runs at terminals of their own, by name.
type terminals struct {
	mu    sync.Mutex
	there map[*testscript.TestScript]map[string]*terminal
}

// commands are those of scripts: pty NAME PROGRAM… starts a program at a terminal of
// 24 rows and 80 columns, ptysize NAME ROWS COLUMNS changes that, ptysend NAME TEXT
// types, ptyexpect NAME TEXT waits until that is printed, after what was expected
// before, ptykill NAME kills the program, and ptywait NAME CODE waits until it has ended. TEXT may have escapes as
// in Go.
func (t *terminals) commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"pty": t.start,
		"ptysize": t.with(3, func(one *terminal, args []string) error {
			rows, err := strconv.Atoi(args[0])
			columns, cerr := strconv.Atoi(args[1])
			return errors.Join(err, cerr, one.resize(rows, columns))
		}),
		"ptysend": t.with(2, func(one *terminal, args []string) error {
			text, err := unescaped(args[0])
			if err != nil {
				return err
			}
			_, err = one.master.WriteString(text)
			return err
		}),
		"ptyexpect": t.with(2, func(one *terminal, args []string) error {
			text, err := unescaped(args[0])
			if err != nil {
				return err
			}
			return one.expect(text)
		}),
		"ptykill": t.with(1, func(one *terminal, _ []string) error { return one.cmd.Process.Kill() }),
		"ptywait": t.with(2, func(one *terminal, args []string) error { return one.wait(args[0]) }),
	}
}

func unescaped(text string) (string, error) {
	return strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
}

func (t *terminals) with(n int, do func(*terminal, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != n {
			ts.Fatalf("so many arguments: %d", n)
		}
		t.mu.Lock()
		one := t.there[ts][args[0]]
		t.mu.Unlock()
		if one == nil {
			ts.Fatalf("there is no terminal %s", args[0])
		}
		if err := do(one, args[1:]); err != nil {
			ts.Fatalf("%v\n%s", err, one.screen())
		}
	}
}

// terminal is a program at one.
type terminal struct {
	master *os.File
	cmd    *exec.Cmd
	ended  chan struct{}

	mu      sync.Mutex
	printed []byte
	seen    int // so much of it was expected
	more    chan struct{}
}

func (t *terminals) start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: pty NAME PROGRAM [ARGUMENT...]")
	}
	one, err := openTerminal(ts, args[1:])
	ts.Check(err)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.there == nil {
		t.there = map[*testscript.TestScript]map[string]*terminal{}
	}
	if t.there[ts] == nil {
		t.there[ts] = map[string]*terminal{}
	}
	t.there[ts][args[0]] = one
	ts.Defer(func() {
		_ = one.cmd.Process.Kill() // it may have ended
		<-one.ended
		_ = one.master.Close()
	})
}

func openTerminal(ts *testscript.TestScript, args []string) (*terminal, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	one := &terminal{master: master, ended: make(chan struct{}), more: make(chan struct{}, 1)}
	var number int
	err = one.control(func(fd int) (err error) {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	if err != nil {
		return nil, err
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer tty.Close()
	if err := one.resize(24, 80); err != nil {
		return nil, err
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return nil, err
	}
	one.cmd = &exec.Cmd{
		Path: path, Args: args, Dir: ts.Getenv("WORK"), Env: environ(ts), Stdin: tty, Stdout: tty, Stderr: tty,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	}
	if err := one.cmd.Start(); err != nil {
		return nil, err
	}
	go one.read() // ends with the program, which is ended with the script
	return one, nil
}

// environ is the script's environment.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "WORK", "GOCOMPOSE_ROOT", "GOCOMPOSE_STATE", "GOCOMPOSE_NO_SYNC", "CONTAINERD_ADDRESS"} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return append(env, "TERM=dumb")
}

func (t *terminal) control(do func(fd int) error) error {
	raw, err := t.master.SyscallConn()
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) { err = do(int(fd)) })
	return errors.Join(err, cerr)
}

func (t *terminal) resize(rows, columns int) error {
	return t.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(columns)})
	})
}

func (t *terminal) read() {
	defer close(t.ended)
	buf := make([]byte, 4096)
	for {
		n, err := t.master.Read(buf)
		t.mu.Lock()
		t.printed = append(t.printed, buf[:n]...)
		t.mu.Unlock()
		select {
		case t.more <- struct{}{}:
		default:
		}
		if err != nil { // nobody has the other side open any more
			break
		}
	}
	_ = t.cmd.Wait() // its state is looked at
}

func (t *terminal) expect(text string) error {
	limit := time.After(patience)
	for {
		t.mu.Lock()
		i := bytes.Index(t.printed[t.seen:], []byte(text))
		if i >= 0 {
			t.seen += i + len(text)
		}
		t.mu.Unlock()
		if i >= 0 {
			return nil
		}
		select {
		case <-t.more:
		case <-limit:
			return fmt.Errorf("%q is not printed", text)
		}
	}
}

func (t *terminal) wait(code string) error {
	select {
	case <-t.ended:
	case <-time.After(patience):
		return errors.New("it does not end")
	}
	if got := strconv.Itoa(t.cmd.ProcessState.ExitCode()); got != code {
		return fmt.Errorf("exit code %s, want %s", got, code)
	}
	return nil
}

func (t *terminal) screen() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("%q, and then %q", t.printed[:t.seen], t.printed[t.seen:])
}
