package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/engine"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
	"github.com/gocompose/gocompose/supervisor/health"
)

// lastLines is how many lines of a container's log say why it ended.
const lastLines = 10

// Of a container without a health check it is only known that it runs. One that
// ends right after its start, for want of a variable perhaps, is not ready: it
// must have run for steady, and one that was started again stumbles times and has
// not, by a policy that never gives up, has failed.
const (
	steady   = 500 * time.Millisecond
	stumbles = 5
)

// AwaitContainer returns when the container is what until says. When it cannot
// become that any more, the error is a *planner.AwaitError. Neither the
// supervisor's nor the engine's death is an end of it.
func (h *Host) AwaitContainer(ctx context.Context, id string, until project.Condition) error {
	var c containerd.Container
	err := h.throughout(ctx, func() (err error) {
		c, err = h.containerd.Container(ctx, id)
		return err
	})
	if err != nil {
		return err
	}
	a := awaiting{host: h, container: c, until: until}
	client, err := h.supervisor.ensure(ctx)
	for delay := firstAgain; ; {
		if err == nil {
			var s supervisor.ContainerStatus
			if s, err = client.Await(ctx, id, until); err == nil {
				decided, err := a.decide(ctx, s)
				if decided || err != nil {
					return err
				}
			}
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && !errors.Is(err, supervisor.ErrNotRunning):
			return err
		case !rest(ctx, &delay):
			return context.Cause(ctx)
		}
		if err != nil {
			client, err = h.supervisor.again(ctx)
		}
	}
}

// awaiting is one container that is waited for.
type awaiting struct {
	host      *Host
	container containerd.Container
	until     project.Condition
}

func (a awaiting) failed() *planner.AwaitError {
	spec := a.container.Record.Spec
	return &planner.AwaitError{Container: spec.Name, Service: spec.Service, Until: a.until}
}

// decide says whether the status settles it, and how: no error is that the
// container is what is waited for.
func (a awaiting) decide(ctx context.Context, s supervisor.ContainerStatus) (bool, error) {
	switch s.Phase {
	case supervisor.PhaseRunning, supervisor.PhasePaused:
		decided, err := a.lives(s.Health)
		if decided && err == nil { // it may have ended, and the supervisor not have looked yet
			return a.stillLives(ctx, s)
		}
		return decided, err
	case supervisor.PhaseEnded, supervisor.PhaseAbsent:
		return a.ended(ctx)
	}
	return false, nil
}

func (a awaiting) stillLives(ctx context.Context, s supervisor.ContainerStatus) (bool, error) {
	l, err := a.host.lifeOf(ctx, a.container.ID)
	switch {
	case err != nil:
		return true, err
	case !l.going():
		return a.ended(ctx)
	case a.until != project.Ready || a.container.Record.Health != nil || l.steady(time.Now()):
		return l.state != planner.StateRestarting, nil
	case s.Restarts >= stumbles:
		return true, a.exited(ctx, s.ExitCode)
	}
	return false, nil
}

func (a awaiting) lives(h *health.State) (bool, error) {
	switch {
	case a.until == project.Started, a.until == project.Ready && h == nil:
		return true, nil
	case a.until == project.Healthy && a.container.Record.Health == nil:
		e := a.failed()
		e.NoHealthcheck = true
		return true, e
	case a.until == project.Completed, h == nil:
		return false, nil
	case h.Status == health.Healthy:
		return true, nil
	case h.Status != health.Unhealthy:
		return false, nil
	}
	e := a.failed()
	if len(h.Results) > 0 {
		last := h.Results[len(h.Results)-1]
		e.Output = lines(last.Output)
	}
	return true, e
}

// ended looks for itself: a supervisor that has just begun does not know yet
// what runs.
func (a awaiting) ended(ctx context.Context) (bool, error) {
	l, err := a.host.lifeOf(ctx, a.container.ID)
	switch {
	case err != nil:
		return true, err
	case l.going():
		return false, nil
	case l.state == planner.StateCreated:
		return true, errors.New("it was never started")
	case l.ExitCode == 0 && a.until != project.Healthy:
		return true, nil
	}
	return true, a.exited(ctx, l.ExitCode)
}

// exited is the end of the container, with what it printed last.
func (a awaiting) exited(ctx context.Context, code int) error {
	e := a.failed()
	e.Exited, e.ExitCode = true, code
	// What it printed is for people: that it cannot be read is not what they
	// have to know.
	_ = logs.Read(ctx, logs.Source{Dir: a.host.cfg.Paths.Container(a.container.ID)}, logs.Query{Tail: lastLines},
		func(entry logs.Entry) error {
			e.Output = append(e.Output, string(entry.Line))
			return nil
		})
	return e
}

func lines(text string) []string {
	if text = strings.TrimRight(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// Wait returns the exit code of the container's process when it has ended and
// its last output is in its log; of one that does not run, that of its last run,
// and 0 when there was none. The engine may die meanwhile.
func (h *Host) Wait(ctx context.Context, id string) (int, error) {
	var exit containerd.Exit
	err := h.throughout(ctx, func() (err error) {
		exit, err = h.containerd.WaitTask(ctx, id)
		return err
	})
	if !errdefs.IsNotFound(err) {
		return int(exit.Code), err
	}
	l, err := h.lifeOf(ctx, id)
	return l.ExitCode, err
}

// going tells whether the container runs, or is about to without anybody asking
// for it.
func (l life) going() bool {
	return planner.Container{State: l.state}.Running()
}

// steady tells whether the run has lasted. Of one that is not recorded yet nobody
// knows when it began: just now.
func (l life) steady(now time.Time) bool {
	return !l.StartedAt.IsZero() && now.Sub(l.StartedAt) >= steady
}

// lifeOf returns what is known of a container. One that is gone has ended, in a
// way that nobody knows any more.
func (h *Host) lifeOf(ctx context.Context, id string) (life, error) {
	var l life
	err := h.throughout(ctx, func() error {
		c, err := h.containerd.Container(ctx, id)
		if errdefs.IsNotFound(err) {
			l = life{state: planner.StateExited}
			l.ExitCode = lostExitCode
			return nil
		}
		if err != nil {
			return err
		}
		l = h.state(c)
		if !c.Running() && h.aboutToRestart(id, l) {
			l.state = planner.StateRestarting
		}
		return nil
	})
	return l, err
}

// throughout asks the engine until it answers. It starts our own again if it
// must: it does not matter who does.
func (h *Host) throughout(ctx context.Context, ask func() error) error {
	for delay := firstAgain; ; {
		err := ask()
		if !errdefs.IsUnavailable(err) {
			return err
		}
		if !rest(ctx, &delay) {
			return context.Cause(ctx)
		}
		if _, err := engine.Ensure(ctx, engineConfig(h.cfg)); err != nil && h.engine.Private {
			return fmt.Errorf("the engine died: %w", err)
		}
	}
}
