package plantest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// StartContainer implements executor.Containers.
func (w *World) StartContainer(ctx context.Context, id string) error {
	return w.call(ctx, "start "+id, func() error {
		c, ok := w.containers[id]
		if !ok {
			return fmt.Errorf("no container %s", id)
		}
		if c.Running() {
			return nil
		}
		for _, o := range w.containers {
			if err := coexist(c.Container, o.Container); err != nil {
				return err
			}
		}
		for _, n := range c.Spec.Networks {
			if _, there := w.networks[n.Network]; !there {
				return fmt.Errorf("no network %s", n.Network)
			}
		}
		for _, share := range c.Spec.Shares() {
			of := w.pass(w.shared(c.Spec, share)) // it may be about to be started again
			if !of.lives() {
				return fmt.Errorf("%s shares the %s of a container that does not run", id, share.Attribute)
			}
			w.put(of)
		}
		c = w.containers[id]
		c.start()
		w.join(&c)
		c.due = c.due && !w.Booting
		w.put(c)
		return nil
	})
}

// coexist tells why c cannot run beside o.
func coexist(c, o planner.Container) error {
	if !o.Running() || o.ID == c.ID {
		return nil
	}
	if o.Spec.ID() == c.Spec.ID() && o.Spec.Project == c.Spec.Project {
		return fmt.Errorf("two containers of one replica run: %s and %s", c.ID, o.ID)
	}
	if o.Spec.Name == c.Spec.Name {
		return fmt.Errorf("the name %s is taken by %s", c.Spec.Name, o.ID)
	}
	if o.Spec.Service == c.Spec.Service && o.Spec.Project == c.Spec.Project && !o.Spec.OneOff() && !c.Spec.OneOff() {
		return nil // replicas have host ports together
	}
	for _, p := range c.Spec.Ports {
		for _, q := range o.Spec.Ports {
			if p.Overlaps(q) {
				return fmt.Errorf("port %d is taken by %s", p.Published, o.ID)
			}
		}
	}
	return nil
}

// StopContainer implements executor.Containers.
func (w *World) StopContainer(ctx context.Context, id string, _ time.Duration) error {
	return w.call(ctx, "stop "+id, func() error {
		if c, ok := w.containers[id]; ok && c.Running() {
			c.State, c.Stopped, c.code = planner.StateExited, true, killed
			w.put(c)
		}
		return nil
	})
}

// RemoveContainer implements executor.Containers.
func (w *World) RemoveContainer(ctx context.Context, id string) error {
	return w.call(ctx, "remove "+id, func() error {
		if w.containers[id].Running() {
			return fmt.Errorf("container %s is running", id)
		}
		if c := w.containers[id]; c.Spec.TakesVolumes() {
			for _, v := range c.Anonymous {
				delete(w.volumes, v)
			}
		}
		delete(w.containers, id)
		return nil
	})
}

// ErrForever: a wait would not end.
var ErrForever = errors.New("it would be waited for for ever")

// AwaitContainer implements executor.Containers.
func (w *World) AwaitContainer(ctx context.Context, id string, until project.Condition) error {
	verb := string(planner.AwaitContainer{Until: until}.Verb())
	var changed chan struct{}
	look := func() error {
		c, ok := w.containers[id]
		if !ok {
			return fmt.Errorf("no container %s", id)
		}
		c = w.pass(c)
		w.containers[id] = c // which is news to nobody: all who wait let time pass
		if w.changed == nil {
			w.changed = make(chan struct{})
		}
		changed = w.changed
		return c.is(until)
	}
	err := w.call(ctx, verb+" "+id, look)
	for errors.Is(err, ErrForever) && !w.Impatient {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
		w.mu.Lock()
		err = look()
		w.mu.Unlock()
	}
	return err
}

// KillContainer implements executor.Containers. Signals that do not end a
// container have no effect.
func (w *World) KillContainer(ctx context.Context, id, signal string) error {
	return w.call(ctx, "kill "+id, func() error {
		c, ok := w.containers[id]
		if !ok || !c.Running() || c.State == planner.StateRestarting {
			return executor.ErrNotRunning
		}
		name := strings.TrimPrefix(signal, "SIG")
		if name == "KILL" || name == "9" || name == strings.TrimPrefix(c.Spec.StopSignal, "SIG") {
			c.State, c.Stopped, c.code = planner.StateExited, true, killed
			w.put(c)
		}
		return nil
	})
}

// PauseContainer implements executor.Containers.
func (w *World) PauseContainer(ctx context.Context, id string) error {
	return w.freeze(ctx, "pause "+id, id, planner.StatePaused)
}

// UnpauseContainer implements executor.Containers.
func (w *World) UnpauseContainer(ctx context.Context, id string) error {
	return w.freeze(ctx, "unpause "+id, id, planner.StateRunning)
}

func (w *World) freeze(ctx context.Context, call, id string, to planner.State) error {
	return w.call(ctx, call, func() error {
		c, ok := w.containers[id]
		if !ok || !c.Running() || c.State == planner.StateRestarting {
			return executor.ErrNotRunning
		}
		c.State = to
		w.put(c)
		return nil
	})
}

// RunHooks implements executor.Containers. A command's last word says how it
// ends, as that of a container does.
func (w *World) RunHooks(ctx context.Context, id string, at project.Moment, print func(string)) error {
	var printed []string
	err := w.call(ctx, string(planner.RunHooks{At: at}.Verb())+" "+id, func() error {
		c, ok := w.containers[id]
		switch runs := ok && c.Running() && c.State != planner.StateRestarting; {
		case !runs && at == project.BeforeStop:
			return nil
		case !runs:
			return executor.ErrNotRunning
		case c.State == planner.StatePaused && at == project.AfterStart:
			return fmt.Errorf("%s is paused", id)
		}
		c.State = planner.StateRunning
		defer func() { w.put(c) }()
		for _, h := range c.Spec.Hooks.At(at) {
			printed = append(printed, strings.Join(h.Command, " "))
			if code, _ := exits(h.Command); code != 0 {
				return &planner.HookError{At: at, Service: c.Spec.Service, Container: c.Spec.Name, ExitCode: code}
			}
		}
		if at == project.AfterStart {
			c.due = false
		}
		return nil
	})
	for _, line := range printed {
		print(line)
	}
	return err
}
