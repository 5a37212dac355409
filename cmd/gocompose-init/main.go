// Command gocompose-init is the first process of containers with `init: true`:
// it starts the container's command, passes signals on to it and collects the
// exit status of every process that is left without a parent.
//
//	gocompose-init [--] COMMAND [ARGUMENT...]
//
// It exits with the command's exit code, or with 128 plus the signal that ended
// it. 127 says that the command was not found, 126 that it could not be
// executed: the codes of the shell (POSIX.1-2024, XCU 2.8.2).
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	exitUsage         = 2
	exitNotExecutable = 126
	exitNotFound      = 127
	exitSignal        = 128
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "gocompose-init:", err)
	}
	os.Exit(code)
}

// run starts the command and returns its exit code when it has ended. err says
// why it was not started.
func run(args []string) (code int, err error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return exitUsage, errors.New("usage: gocompose-init [--] COMMAND [ARGUMENT...]")
	}
	// Outside of a pid namespace of its own, orphans come here as well.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return exitNotExecutable, fmt.Errorf("becoming the reaper of orphans: %w", err)
	}
	// What arrives before the command runs waits in the channel.
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	pid, err := start(args)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return exitNotFound, err
	}
	if err != nil {
		return exitNotExecutable, err
	}
	go forward(signals, pid)
	return reap(pid)
}

// start starts the command in a process group of its own, which gets the
// terminal if there is one: keys like Ctrl-C are for the command, and a shell in
// it can control its jobs.
func start(args []string) (pid int, err error) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 0, err
	}
	attr := &syscall.SysProcAttr{Setpgid: true}
	if foreground, err := unix.IoctlGetInt(0, unix.TIOCGPGRP); err == nil {
		attr.Foreground = foreground == unix.Getpgrp()
	}
	pid, err = syscall.ForkExec(path, args, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: attr,
	})
	if err != nil {
		return 0, &fs.PathError{Op: "executing", Path: path, Err: err}
	}
	return pid, nil
}

// forward passes signals on to the command for as long as this process lives.
//
// It keeps four: SIGCHLD tells of the children of this process only, SIGTTIN and
// SIGTTOU of its place behind the terminal, and by SIGURG the Go runtime
// interrupts its own threads.
func forward(signals <-chan os.Signal, pid int) {
	for s := range signals {
		switch s {
		case unix.SIGCHLD, unix.SIGTTIN, unix.SIGTTOU, unix.SIGURG:
			continue
		}
		if err := unix.Kill(pid, s.(syscall.Signal)); err != nil && !errors.Is(err, unix.ESRCH) {
			fmt.Fprintf(os.Stderr, "gocompose-init: passing on %v: %v\n", s, err)
		}
	}
}

// reap collects every child that ends, until the command does.
func reap(command int) (code int, err error) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return exitNotExecutable, fmt.Errorf("waiting for the command: %w", err)
		case pid == command && status.Signaled():
			return exitSignal + int(status.Signal()), nil
		case pid == command && status.Exited():
			return status.ExitStatus(), nil
		}
	}
}
