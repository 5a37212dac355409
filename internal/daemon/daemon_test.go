package daemon

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// run starts a shell script as a daemon, waits for its end and returns what it
// has written.
func run(t *testing.T, log, script string, env ...string) string {
	t.Helper()
	p, err := Command{Path: "/bin/sh", Args: []string{"-c", script}, Env: env, Log: log}.Start()
	if err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
	if p.Err() != nil {
		t.Errorf("it ended with %v", p.Err())
	}
	out, err := p.Output(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDaemonHasASessionOfItsOwn(t *testing.T) {
	out := run(t, filepath.Join(t.TempDir(), "log"),
		`read -r pid comm state ppid pgrp sid rest </proc/$$/stat; test $sid = $$ && pwd && readlink /proc/$$/fd/0`)
	if out != "/\n/dev/null\n" {
		t.Errorf("got %q", out)
	}
}

func TestDaemonHasTheGivenEnvironmentOnly(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/notify")
	out := run(t, filepath.Join(t.TempDir(), "log"), `test -z "$NOTIFY_SOCKET" && echo $A`, "A=b")
	if out != "b\n" {
		t.Errorf("got %q", out)
	}
}

func TestDaemonDoesNotKeepAFileThatItsStarterInherited(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil { // without O_CLOEXEC, as a shell passes one on
		t.Fatal(err)
	}
	r := os.NewFile(uintptr(pipe[0]), "pipe")
	defer r.Close()
	log := filepath.Join(t.TempDir(), "log")
	hold := filepath.Join(t.TempDir(), "hold")
	if err := unix.Mkfifo(hold, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Command{Path: "/bin/sh", Args: []string{"-c", "read -r line <" + hold}, Log: log}.Start()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Close(pipe[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err != nil { // ends when nobody has the other end
		t.Error(err)
	}
	if err := os.WriteFile(hold, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
}

func TestLogIsAppendedToAndEmptiedWhenLarge(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if out := run(t, log, "echo one; echo two >&2"); out != "one\ntwo\n" {
		t.Errorf("first output %q", out)
	}
	if out := run(t, log, "echo three"); out != "three\n" {
		t.Errorf("second output %q, want its own only", out)
	}
	if all := read(t, log); all != "one\ntwo\nthree\n" {
		t.Errorf("log %q", all)
	}
	if err := os.WriteFile(log, make([]byte, maxLog+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, log, "echo four"); out != "four\n" || read(t, log) != "four\n" {
		t.Errorf("output %q, log of %d bytes", out, len(read(t, log)))
	}
}

func TestOutputIsCutAtALine(t *testing.T) {
	p, err := Command{
		Path: "/bin/sh", Args: []string{"-c", "echo first; echo second; echo third; exit 3"},
		Log: filepath.Join(t.TempDir(), "log"),
	}.Start()
	if err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
	if p.Err() == nil || !strings.Contains(p.Err().Error(), "exit status 3") {
		t.Errorf("it ended with %v", p.Err())
	}
	if out, err := p.Output(10); err != nil || out != "third\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestOpenFilesLimitOfTheStarterStays(t *testing.T) {
	var before, after unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	out := run(t, filepath.Join(t.TempDir(), "log"), "ulimit -Sn; ulimit -Hn")
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &after); err != nil {
		t.Fatal(err)
	}
	if before != after {
		t.Errorf("limit %v has become %v", before, after)
	}
	if soft, hard, _ := strings.Cut(strings.TrimSpace(out), "\n"); soft != hard {
		t.Errorf("soft limit %s, hard limit %s", soft, hard)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
