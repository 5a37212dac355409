// Package daemon starts programs that outlive whoever starts them.
package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/cgroup"
)

// maxLog is the size in bytes from which a log is emptied at the next start.
const maxLog = 1 << 20

// maxFiles is the number of files that a daemon, and what it starts, may have
// open: what containers get from the packages of Docker.
const maxFiles = 1 << 20

// Command says what to start. Of the starter's surroundings nothing is passed
// on: not its session, terminal, environment, folder, cgroup, limit of open
// files, nor files that it has itself inherited.
type Command struct {
	Path   string   // the program's absolute path
	Args   []string // without the program's name
	Env    []string // all of it, "NAME=value"
	Log    string   // file to which standard output and error are appended; at a start it is emptied when above 1 MiB
	Cgroup string   // from the root of each hierarchy, "/gocompose/engine"; "" stays in the starter's
}

// Process is a started daemon.
type Process struct {
	Pid int

	exited  chan struct{}
	err     error
	log     string
	logFrom int64 // the size of the log when the process was started
}

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Err says how the process ended, as exec.Cmd's Wait does. It may be asked once
// Exited is closed.
func (p *Process) Err() error { return p.err }

// Start starts the daemon. Whether it works is for the caller to find out. It
// collects the exit status for as long as the caller lives: that is what
// becomes of the one goroutine that stays.
func (c Command) Start() (*Process, error) {
	log, size, err := openLog(c.Log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if err := closeInherited(); err != nil {
		return nil, err
	}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env, cmd.Dir = c.Env, "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	if err := startWithFiles(cmd, maxFiles); err != nil {
		return nil, err
	}
	p := &Process{Pid: cmd.Process.Pid, exited: make(chan struct{}), log: c.Log, logFrom: size}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	if c.Cgroup != "" {
		if err := cgroup.Enter(c.Cgroup, p.Pid); err != nil {
			fmt.Fprintf(log, "process %d stays in a cgroup of its starter: %v\n", p.Pid, err)
		}
	}
	return p, nil
}

// Output returns what the daemon has written to its log so far: the last max
// bytes at most, from the beginning of a line.
func (p *Process) Output(max int64) (string, error) {
	f, err := os.Open(p.log)
	if err != nil {
		return "", err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	from := p.logFrom
	if cut := end - max; cut > from {
		from = cut
	}
	data, err := io.ReadAll(io.NewSectionReader(f, from, max))
	if from > p.logFrom {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	return string(data), err
}

func openLog(path string) (log *os.File, size int64, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > maxLog {
		if err = f.Truncate(0); err == nil {
			return f, 0, nil
		}
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// closeInherited keeps files that this process has itself inherited, such as a
// pipe whose end the caller of gocompose waits for, from the daemon. The files
// that this process has opened are not passed on anyway.
func closeInherited() error {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range open {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// startWithFiles starts cmd with a limit of n open files, or with the highest
// that it may have. The limit cannot be given to the child alone before it
// runs, so this process has it for a moment too.
func startWithFiles(cmd *exec.Cmd, n uint64) error {
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		return err
	}
	err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n})
	if errors.Is(err, syscall.EPERM) {
		err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: own.Max, Max: own.Max})
	}
	if err != nil {
		return err
	}
	return errors.Join(cmd.Start(), syscall.Setrlimit(syscall.RLIMIT_NOFILE, &own))
}
