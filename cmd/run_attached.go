package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// oneOffRun is one run of `run`.
type oneOffRun struct {
	app     *app
	flags   runFlags
	host    *host.Host
	project string
	id      string // the container's

	mu       sync.Mutex
	attended *os.File     // keeps others from removing it
	process  host.Process // nil: it is not attached to
	over     chan runEnd  // nil: its process has not been started
}

// runEnd is how a session ended.
type runEnd struct {
	code int
	err  error
}

// run makes the container and what it needs, and sees it through.
func (r *oneOffRun) run(ctx context.Context, c change, p *project.Project) (err error) {
	h := r.host
	if r.flags.attached {
		h = h.WithAttach(r.id, r.attach)
		c.last = func(op planner.Op) bool {
			start, ok := op.(planner.StartContainer)
			return ok && start.Container.ID == r.id
		}
		c.started = func() { r.begin(ctx) }
	}
	err = r.app.changeProject(ctx, h, c, r.project, p)
	switch {
	case r.over != nil:
		return r.see(ctx, err)
	case err != nil:
		return errors.Join(notRun(err), r.close(ctx))
	case !r.flags.attached:
		_, err = fmt.Fprintln(r.app.Out, r.id)
	}
	return err
}

// attach connects with the container before its process is started.
func (r *oneOffRun) attach(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process != nil { // of a start that was broken off
		_ = r.process.Close()
		r.process = nil
	}
	if r.attended == nil {
		f, err := r.host.Attend(r.id)
		if err != nil {
			return err
		}
		r.attended = f
	}
	p, err := r.host.Attach(ctx, r.id, host.AttachOptions{EndsInput: !r.flags.terminal, Patient: true})
	if err == nil {
		r.process = p
	}
	return err
}

// begin connects the user with the process, which has been started.
func (r *oneOffRun) begin(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process == nil {
		return // it has run already
	}
	p := r.process
	stop := func() {}
	if !r.flags.terminal {
		stop = r.app.signalled.pass(r.passOn(ctx, p))
	}
	keys, _ := parseKeys(defaultDetachKeys)
	r.over = make(chan runEnd, 1)
	go func() {
		defer stop()
		code, err := r.app.session(ctx, p, sessionOptions{terminal: r.flags.terminal, input: r.flags.interactive, detachKeys: keys})
		r.over <- runEnd{code, err}
	}()
}

// passOn returns what gives the process the user's signals. When it is asked to end
// for a second time, it is killed.
func (r *oneOffRun) passOn(ctx context.Context, p host.Process) func(syscall.Signal) {
	asked := false
	return func(s syscall.Signal) {
		if s == syscall.SIGINT || s == syscall.SIGTERM {
			if asked {
				s = syscall.SIGKILL
			}
			asked = true
		}
		if err := p.Signal(ctx, s); err != nil {
			r.app.warn(fmt.Sprintf("passing on %v: %v", s, err))
		}
	}
}

// see waits for the end of the process, and has the container taken away when it is
// to be. Failed is what went wrong after its start.
func (r *oneOffRun) see(ctx context.Context, failed error) error {
	if failed != nil {
		r.app.printError(failed)
	}
	end := <-r.over
	if errors.Is(end.err, errDetached) {
		fmt.Fprintln(r.app.Err) // behind what stands there
		return errors.Join(r.process.Close(), r.attended.Close())
	}
	err := errors.Join(end.err, r.close(ctx))
	switch {
	case err != nil:
		return err
	case end.code != 0:
		return &exitError{code: end.code}
	case failed != nil:
		return &exitError{code: exitFailure}
	}
	return nil
}

// close ends what is left of the run: the container when it was not started, or is
// to go.
func (r *oneOffRun) close(ctx context.Context) error {
	interrupted := ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	if r.process != nil {
		_ = r.process.Close() // it has ended, or is about to be ended
	}
	end := change{
		title: "run",
		hide:  func(planner.Op) bool { return true },
		plan: func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
			return planner.EndOneOff(p, obs, r.id)
		},
	}
	if r.flags.image != "" && r.flags.want.Temporary && r.over != nil { // with the network that it was alone on
		end.removes = true
		end.plan = func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
			return planner.EndAlone(p, obs, r.id)
		}
	}
	var err error
	if r.over == nil || r.flags.want.Temporary || interrupted {
		err = r.app.changeProject(ctx, r.host, end, r.project, nil)
	}
	if r.attended != nil {
		err = errors.Join(err, r.attended.Close())
	}
	return err
}

// notRun gives the error of a command that could not be run the exit code that a
// shell has for that.
func notRun(err error) error {
	var why *host.StartExecError
	if errors.As(err, &why) && (why.ExitCode == 126 || why.ExitCode == 127) {
		return &exitError{why.ExitCode, err}
	}
	return err
}
