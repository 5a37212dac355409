package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asInit makes the test binary behave like gocompose-init.
const asInit = "GOCOMPOSE_TEST_INIT"

func TestMain(m *testing.M) {
	if os.Getenv(asInit) != "" {
		os.Unsetenv(asInit)
		main()
	}
	os.Exit(m.Run())
}

// initCommand returns gocompose-init with args: process 1 of a pid namespace
// where the test runs as root, else a process like others, to which orphans go.
func initCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asInit+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID
	}
	return cmd
}

func TestExitCodeIsTheCommands(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(notExecutable, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want int
		says string
	}{
		{"zero", []string{"true"}, 0, ""},
		{"code", []string{"sh", "-c", "exit 7"}, 7, ""},
		{"after dashes", []string{"--", "sh", "-c", "exit 8"}, 8, ""},
		{"killed", []string{"sh", "-c", "kill -9 $$"}, 137, ""},
		{"not found", []string{"no-such-command"}, 127, "no-such-command"},
		{"path not found", []string{"/no/such/command"}, 127, "/no/such/command"},
		{"not executable", []string{notExecutable}, 126, notExecutable},
		{"no command", nil, 2, "usage"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			cmd := initCommand(t, tt.args...)
			cmd.Stderr = &stderr
			if got := exitCode(t, cmd.Run()); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
			if !strings.Contains(stderr.String(), tt.says) || (tt.says == "") != (stderr.Len() == 0) {
				t.Errorf("standard error %q, want it to say %q", stderr.String(), tt.says)
			}
		})
	}
}

func TestSignalsReachTheCommand(t *testing.T) {
	for _, sig := range []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2,
		syscall.SIGWINCH, syscall.SIGPIPE, syscall.SIGALRM, syscall.SIGTSTP, syscall.SIGCONT, 35, 64,
	} {
		t.Run(fmt.Sprint(int(sig)), func(t *testing.T) {
			script := fmt.Sprintf("trap 'exit 42' %d; echo ready; while :; do read -r line; done", int(sig))
			cmd, in, out := startPiped(t, "bash", "-c", script)
			defer in.Close()
			readLine(t, out)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			// bash runs a trap once its read returns.
			go io.Copy(in, endless{})
			if got := exitCode(t, cmd.Wait()); got != 42 {
				t.Errorf("exit code %d, want the trap's 42", got)
			}
		})
	}
}

func TestUncaughtSignalEndsTheCommandNotOnlyInit(t *testing.T) {
	cmd, in, out := startPiped(t, "sh", "-c", "echo ready; exec cat")
	defer in.Close()
	readLine(t, out)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := exitCode(t, cmd.Wait()); got != 128+15 {
		t.Errorf("exit code %d, want 143", got)
	}
}

func TestOrphansAreReaped(t *testing.T) {
	// Each subshell ends at once, so what it started goes to init.
	script := "for i in 1 2 3 4 5; do (true &); done; echo ready; read -r line"
	cmd, in, out := startPiped(t, "sh", "-c", script)
	readLine(t, out)
	limit := time.Now().Add(time.Minute)
	for n := children(t, cmd.Process.Pid); n != 1; n = children(t, cmd.Process.Pid) {
		if time.Now().After(limit) {
			t.Fatalf("init has %d children, want the command alone", n)
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Fprintln(in)
	if got := exitCode(t, cmd.Wait()); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
}

func TestCommandLeadsItsProcessGroup(t *testing.T) {
	out, err := initCommand(t, "sh", "-c", `read -r pid comm state ppid pgrp rest </proc/self/stat; test "$pgrp" = "$pid"; echo $?`).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(out)); got != "0" {
		t.Errorf("the command is not the leader of its process group")
	}
}

// endless is a reader of empty lines without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}

func startPiped(t *testing.T, args ...string) (*exec.Cmd, io.WriteCloser, *bufio.Reader) {
	t.Helper()
	cmd := initCommand(t, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, in, bufio.NewReader(out)
}

// children counts the children of a process, zombies included.
func children(t *testing.T, pid int) int {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		n += len(strings.Fields(string(text)))
	}
	return n
}

func readLine(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	case errors.Is(err, context.Canceled):
		t.Fatal("the test ended first")
	default:
		t.Fatal(err)
	}
	return 0
}
