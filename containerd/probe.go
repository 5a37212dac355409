package containerd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	shim "github.com/gocompose/gocompose/shim/options"
)

const (
	// probeID, hookID and watchedID are containerd's identifiers of the programs that
	// test a container, that are its hooks, and that run when files have changed: one
	// each at a time. Who finds that there is one has found what a killed process left.
	probeID   = shim.Probe
	hookID    = "gocompose-hook"
	watchedID = "gocompose-watch"
	// drainTime is how long the output of a test is read after its end, when
	// something that it has left behind holds it open.
	drainTime = 500 * time.Millisecond
	// cleanTime bounds the taking away of a test that ended, or has to.
	cleanTime = 10 * time.Second
)

// Errors of what can be done with running containers only.
var (
	ErrNotRunning = errors.New("it does not run")
	ErrPaused     = errors.New("it is paused")
	ErrNotPaused  = errors.New("it is not paused")
)

// Test is a program that is run in a container to see how that is.
type Test struct {
	Args []string
	// Timeout is how long the program may take; then it is killed. 0: any time.
	Timeout time.Duration
	// MaxOutput is how much of its output is kept, in bytes. It can print more.
	MaxOutput int
}

// TestResult is how a test went.
type TestResult struct {
	// ExitCode of a program that could not be run is 126 or 127, as a shell has
	// it, or -1; of one that was killed because its time was over, -1.
	ExitCode int
	TimedOut bool
	// Output is what the program printed, or why it could not be run.
	Output string
}

// Prober runs tests in one container, one at a time.
type Prober struct {
	program
	fifo    string
	process specs.Process
}

// Prober returns the prober of a container. Outputs go through a FIFO at the
// path fifo, which is there while a test runs; its folder is made.
func (c *Client) Prober(ctx context.Context, id, fifo string) (*Prober, error) {
	process, err := c.process(ctx, id)
	if err != nil {
		return nil, err
	}
	return &Prober{program: program{c, id, probeID}, fifo: fifo, process: process}, nil
}

// Run runs a test as the container's own process is run: the same user,
// environment, folder and rights. Nothing of it is left when Run returns, nor of
// one that was running when another process was killed; but for what an engine
// that dies meanwhile leaves to the next call. An error says nothing about the
// container, unless it is ErrNotRunning or ErrPaused.
func (p *Prober) Run(ctx context.Context, t Test) (TestResult, error) {
	var kept bytes.Buffer
	result, err := p.run(ctx, t, beginning(&kept, t.MaxOutput))
	if result.Output == "" {
		result.Output = kept.String()
	}
	return result, err
}

// run is Run, with the output for take to read. The result's is why the program
// could not be run.
func (p *Prober) run(ctx context.Context, t Test, take func(io.Reader)) (TestResult, error) {
	if err := ctx.Err(); err != nil {
		return TestResult{}, err
	}
	out, err := openOutput(p.fifo, take)
	if err != nil {
		return TestResult{}, fmt.Errorf("opening the output: %w", err)
	}
	defer out.close()
	pid, err := p.start(ctx, t.Args)
	if err != nil {
		return p.notStarted(ctx, err)
	}
	out.release()
	exit, timedOut, err := p.wait(ctx, pid, t.Timeout)
	if err != nil {
		return TestResult{}, errors.Join(err, p.clean(ctx))
	}
	out.drain(drainTime)
	if err := p.delete(ctx); err != nil {
		return TestResult{}, err
	}
	result := TestResult{ExitCode: int(exit), TimedOut: timedOut}
	switch {
	case timedOut:
		result.ExitCode = -1
	case exit == 128+uint32(syscall.SIGKILL): // perhaps by the end of the container
		err = p.running(ctx)
	}
	return result, err
}

// start starts the program, and returns its process's ID.
func (p *Prober) start(ctx context.Context, args []string) (pid int, err error) {
	ctx, cancel := outlast(ctx)
	defer cancel()
	process := p.process
	process.Args = args
	spec, err := typeurl.MarshalAnyToProto(&process)
	if err != nil {
		return 0, fmt.Errorf("writing its specification: %w", err)
	}
	request := &tasks.ExecProcessRequest{ContainerID: p.id, ExecID: p.execID, Stdout: p.fifo, Stderr: p.fifo, Spec: spec}
	add := func() error {
		_, err := p.client.raw.TaskService().Exec(ctx, request)
		return errgrpc.ToNative(err)
	}
	err = add()
	if errdefs.IsAlreadyExists(err) {
		if err = p.clean(ctx); err == nil {
			err = add()
		}
	}
	if err != nil {
		return 0, err
	}
	r, err := p.client.raw.TaskService().Start(ctx, &tasks.StartRequest{ContainerID: p.id, ExecID: p.execID})
	if err != nil {
		return 0, errors.Join(errgrpc.ToNative(err), p.delete(ctx))
	}
	return int(r.Pid), nil
}

// notStarted tells whether the test is to blame for it that it could not be
// started, and not the engine or the container.
func (p *Prober) notStarted(ctx context.Context, err error) (TestResult, error) {
	if ctx.Err() != nil || errdefs.IsUnavailable(err) || errdefs.IsCanceled(err) || errdefs.IsDeadlineExceeded(err) {
		return TestResult{}, err
	}
	if rerr := p.running(ctx); rerr != nil {
		return TestResult{}, rerr
	}
	result := TestResult{ExitCode: -1, Output: err.Error()}
	if code, reason, ok := startFailure(err); ok {
		result.Output = reason
		if code != unknownFailure {
			result.ExitCode = code
		}
	}
	return result, nil
}

// wait returns how the program ended. One whose time is over is killed.
func (p *Prober) wait(ctx context.Context, pid int, limit time.Duration) (code uint32, timedOut bool, err error) {
	waiting, cancel := ctx, context.CancelFunc(func() {})
	if limit > 0 {
		waiting, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	code, err = p.ended(waiting)
	if err == nil || ctx.Err() != nil || waiting.Err() == nil {
		return code, false, cmp.Or(ctx.Err(), err)
	}
	ctx, cancel = context.WithTimeout(ctx, cleanTime)
	defer cancel()
	if err := p.kill(ctx, pid); err != nil {
		return 0, true, err
	}
	code, err = p.ended(ctx)
	return code, true, err
}
