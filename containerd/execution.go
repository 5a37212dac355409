package containerd

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/shim/options"
)

// ExecRequest is a program to be run in a container, as the container's own process
// is run but for what it says.
type ExecRequest struct {
	// Dir is where FIFOs are made, in a folder of their own, and are gone again when
	// the program has started.
	Dir     string
	Program project.Hook
	// Terminal: it has a terminal, of that size if there is one.
	Terminal bool
	Size     Size
	// Input: it has standard input.
	Input bool

	detached bool // it has no streams
}

// defaultTerm is the kind of a terminal of which nobody says the kind, Docker's.
const defaultTerm = "TERM=xterm"

// Execution is a program that runs in a container, connected with this process by
// FIFOs.
type Execution struct {
	program
	pid      int
	terminal bool
	pipes    *pipes
	ended    atomic.Bool
}

// Exec starts a program. When it fails, there is none; the error is a *StartError
// when the program is to blame, and else ErrNotRunning or ErrPaused when the
// container is. When what is returned is closed before the program has ended, the
// program gets SIGHUP.
func (c *Client) Exec(ctx context.Context, id string, r ExecRequest) (*Execution, error) {
	process, err := c.requested(ctx, id, r)
	if err != nil {
		return nil, err
	}
	e := &Execution{program: program{c, id, options.ExecPrefix + rand.Text()}, terminal: r.Terminal}
	if e.pipes, err = makePipes(r.Dir, e.execID, r); err != nil {
		return nil, err
	}
	e.pid, err = e.begin(ctx, process, e.pipes.request(r))
	if err != nil {
		return nil, errors.Join(err, e.pipes.close())
	}
	return e, e.pipes.started()
}

// ExecDetached starts a program whose output goes nowhere, and leaves it. It has no
// terminal.
func (c *Client) ExecDetached(ctx context.Context, id string, r ExecRequest) error {
	r.Terminal, r.detached = false, true
	process, err := c.requested(ctx, id, r)
	if err != nil {
		return err
	}
	p := program{c, id, options.ExecPrefix + rand.Text()}
	pipes, err := makePipes(r.Dir, p.execID, r)
	if err != nil {
		return err
	}
	// The shim leaves it there, even when it has ended, until they are closed.
	_, err = p.begin(ctx, process, pipes.request(r))
	return errors.Join(err, pipes.close())
}

// requested is the process that r asks for.
func (c *Client) requested(ctx context.Context, id string, r ExecRequest) (specs.Process, error) {
	process, err := c.process(ctx, id)
	if err != nil {
		return process, err
	}
	if process, err = c.programProcess(ctx, id, process, r.Program); err != nil {
		return process, err
	}
	process.Args = r.Program.Command
	if !r.Terminal {
		return process, nil
	}
	process.Terminal = true
	if r.Size != (Size{}) {
		process.ConsoleSize = &specs.Box{Height: uint(r.Size.Rows), Width: uint(r.Size.Columns)}
	}
	if !slices.ContainsFunc(process.Env, func(kv string) bool { return strings.HasPrefix(kv, "TERM=") }) {
		process.Env = append(slices.Clone(process.Env), defaultTerm)
	}
	return process, nil
}

// begin starts the process, and returns its ID.
func (p program) begin(ctx context.Context, process specs.Process, r *tasks.ExecProcessRequest) (pid int, err error) {
	step, cancel := outlast(ctx)
	defer cancel()
	if r.Spec, err = typeurl.MarshalAnyToProto(&process); err != nil {
		return 0, err
	}
	r.ContainerID, r.ExecID = p.id, p.execID
	if _, err := p.client.raw.TaskService().Exec(step, r); err != nil {
		return 0, p.notBegun(ctx, errgrpc.ToNative(err))
	}
	started, err := p.client.raw.TaskService().Start(step, &tasks.StartRequest{ContainerID: p.id, ExecID: p.execID})
	if err != nil {
		return 0, errors.Join(p.notBegun(ctx, errgrpc.ToNative(err)), p.delete(ctx))
	}
	return int(started.Pid), nil
}

// notBegun tells whether the container or the program is to blame.
func (p program) notBegun(ctx context.Context, err error) error {
	if rerr := p.running(ctx); errors.Is(rerr, ErrNotRunning) || errors.Is(rerr, ErrPaused) {
		return rerr
	}
	if code, reason, ok := startFailure(err); ok {
		return &StartError{code, reason}
	}
	return err
}

// Copy copies until the program has ended and what it has printed is written, and
// returns its exit code. What is nil is not copied. Something else that has the
// output open is not waited for once it is quiet.
func (e *Execution) Copy(ctx context.Context, in io.Reader, out, errs io.Writer) (int, error) {
	type exit struct {
		code uint32
		err  error
	}
	exited := make(chan exit, 1)
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with waiting
		code, err := e.program.ended(waiting)
		e.ended.Store(err == nil)
		e.pipes.finish()
		exited <- exit{code, err}
	}()
	defer context.AfterFunc(ctx, e.pipes.interrupt)()
	if in != nil && e.pipes.in != nil {
		go e.input(ctx, in) // ends with in, or with the pipes when something is read
	}
	written := e.pipes.copy(out, errs)
	if written != nil {
		cancel()
	}
	end := <-exited
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case written != nil:
		return 0, written
	}
	// With the container everything in it is killed, and nothing need be taken away.
	if end.err = errors.Join(end.err, e.delete(ctx)); end.err != nil && errors.Is(e.running(ctx), ErrNotRunning) {
		return cmp.Or(int(end.code), killedCode), nil
	}
	return int(end.code), end.err
}

// killedCode is the exit code of what is killed.
const killedCode = 128 + int(syscall.SIGKILL)

func (e *Execution) input(ctx context.Context, in io.Reader) {
	_, err := io.Copy(e.pipes.in, in)
	if err != nil || e.terminal {
		return
	}
	// The shim may have it open too.
	_ = e.pipes.in.Close()
	_, _ = e.client.raw.TaskService().CloseIO(ctx, &tasks.CloseIORequest{ContainerID: e.id, ExecID: e.execID, Stdin: true})
}

// Resize changes the size of the program's terminal.
func (e *Execution) Resize(ctx context.Context, size Size) error {
	return e.client.resize(ctx, e.id, e.execID, size)
}

// Signal sends a signal to the program and to what it has started, as a terminal
// does.
func (e *Execution) Signal(ctx context.Context, s syscall.Signal) error {
	if e.ended.Load() {
		return nil
	}
	if e.pid > 1 && syscall.Kill(-e.pid, s) == nil {
		return nil
	}
	_, err := e.client.raw.TaskService().Kill(ctx, &tasks.KillRequest{ContainerID: e.id, ExecID: e.execID, Signal: uint32(s)})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// Close ends the connection.
func (e *Execution) Close() error { return e.pipes.close() }
