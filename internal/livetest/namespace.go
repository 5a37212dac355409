package livetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Namespace is how the tests of a package are run on a host of their own, so to
// speak: the test program runs itself again in a network namespace, and a mount
// namespace, that nobody else is in.
type Namespace struct {
	// Env are more variables for the tests.
	Env []string
	// Own are more namespaces (CLONE_NEWPID).
	Own uintptr
	// After is called when the tests are over, outside; nil: nothing is.
	After func() error
}

// inNamespace marks the process that runs the tests.
const inNamespace = "GOCOMPOSE_TEST_IN_NAMESPACE"

// Inside tells whether the process is the one that runs the tests.
func Inside() bool { return os.Getenv(inNamespace) != "" }

// Run runs the test program again, inside, and returns its exit code. It is for
// TestMain, where Inside does not hold. It needs root.
func (n Namespace) Run() int {
	code, err := n.run()
	if n.After != nil {
		err = errors.Join(err, n.After())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func (n Namespace) run() (int, error) {
	if os.Geteuid() != 0 {
		return 1, errors.New("live tests need root")
	}
	inside := exec.Command("/proc/self/exe", os.Args[1:]...)
	inside.Env = append(append(os.Environ(), inNamespace+"=1"), n.Env...)
	inside.Stdout, inside.Stderr = os.Stdout, os.Stderr
	inside.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | n.Own, Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL,
	}
	err := inside.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}
