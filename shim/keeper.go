package shim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/pkg/sys/reaper"
	"github.com/containerd/log"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/shim/options"
)

const (
	// firstDelay and lastDelay bound the time between two tries to reach the
	// supervisor; it doubles from try to try.
	firstDelay = 20 * time.Millisecond
	lastDelay  = time.Second
	// startLimit is how long a started supervisor has to answer before another
	// shim may start it.
	startLimit = 5 * time.Second
)

// keeper keeps the supervisor alive: it holds a connection to it and starts it
// when that breaks.
type keeper struct {
	supervisor options.Supervisor
	// start starts the supervisor's command. The channel gets its exit status.
	start func(options.Supervisor) (<-chan int, error)
}

func newKeeper(s options.Supervisor) *keeper { return &keeper{s, startCommand} }

// run keeps the supervisor alive until ctx is done.
func (k *keeper) run(ctx context.Context) {
	delay := firstDelay
	for ctx.Err() == nil {
		began := time.Now()
		if k.hold(ctx) {
			if time.Since(began) > lastDelay { // else it accepts, but does not live
				delay = firstDelay
			}
		} else if err := k.revive(ctx); err != nil {
			log.G(ctx).WithError(err).Warn("starting supervisor")
		}
		pause(ctx, delay)
		delay = min(2*delay, lastDelay)
	}
}

// hold connects to the supervisor and returns when the connection breaks. It
// reports false if there is none.
func (k *keeper) hold(ctx context.Context) bool {
	conn, err := k.dial(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, _ = io.Copy(io.Discard, conn) // either way the connection is over
	return true
}

func (k *keeper) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", k.supervisor.Socket)
}

// revive starts the supervisor and waits until it answers. If another shim is
// at it, it returns at once.
func (k *keeper) revive(ctx context.Context) error {
	unlock, err := k.lock()
	if err != nil || unlock == nil {
		return err
	}
	defer unlock()
	if conn, err := k.dial(ctx); err == nil { // another shim has been at it
		return conn.Close()
	}
	exit, err := k.start(k.supervisor)
	if err != nil {
		return err
	}
	delay := firstDelay
	for limit := time.Now().Add(startLimit); time.Now().Before(limit) && ctx.Err() == nil; {
		pause(ctx, delay)
		delay = min(2*delay, lastDelay)
		if conn, err := k.dial(ctx); err == nil {
			return conn.Close()
		}
		select {
		case code := <-exit:
			if code != 0 {
				return fmt.Errorf("%s ended with status %d", k.supervisor.Command[0], code)
			}
			exit = nil // it has gone into the background
		default:
		}
	}
	return nil
}

// lock takes the lock of shims that start the supervisor, a file beside its
// socket. A nil unlock means that another shim has it.
func (k *keeper) lock() (unlock func(), err error) {
	f, err := os.OpenFile(k.supervisor.Socket+".shims", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		err = errors.Join(ignoreBusy(err), f.Close())
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

func ignoreBusy(err error) error {
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	return err
}

// pause sleeps for about delay, not in step with other shims.
func pause(ctx context.Context, delay time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(delay/2 + rand.N(delay)):
	}
}

// startCommand starts the supervisor's command as a process that has nothing
// to do with the shim. It may outlive the shim, as may the goroutine that
// waits for it.
func startCommand(s options.Supervisor) (<-chan int, error) {
	cmd := exec.Command(s.Command[0], s.Command[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(commandEnv(os.Environ()), s.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	exits, err := reaper.Default.Start(cmd)
	if err != nil {
		return nil, err
	}
	exit := make(chan int, 1)
	go func() {
		code, err := reaper.Default.Wait(cmd, exits)
		if err != nil {
			code = -1
		}
		exit <- code
	}()
	return exit, nil
}

// commandEnv leaves out of env what containerd and its shim library have put
// there for the shim.
func commandEnv(env []string) []string {
	private := []string{
		"GOMAXPROCS", "OTEL_SERVICE_NAME", "TTRPC_ADDRESS", "GRPC_ADDRESS", "NAMESPACE",
		"MAX_SHIM_VERSION", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID",
	}
	return slices.DeleteFunc(env, func(kv string) bool {
		key, _, _ := strings.Cut(kv, "=")
		return slices.Contains(private, key)
	})
}
