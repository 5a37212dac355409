package host

import (
	"context"
	"path/filepath"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/shim/state"
)

// life is what is known of a container's last run.
type life struct {
	state planner.State
	state.State
}

// lostExitCode is Docker's exit code of a container whose end nobody saw.
const lostExitCode = 255

const (
	// recordTime is how long the shim's record may lag behind the engine: a run
	// is recorded right after its process was started.
	recordTime = time.Second
	recordLook = 5 * time.Millisecond
)

// state puts together what containerd says now with what the shim wrote down:
// the one knows nothing of runs whose task is gone, the other nothing of a
// reboot.
//
// A record that a power cut has torn was of a run whose end nobody saw. Of one
// that is not written yet, of a run that has just begun, nothing is known.
func (h *Host) state(c containerd.Container) life {
	l := life{state: c.State}
	recorded, err := h.recorded(c.ID)
	switch {
	case c.Running() && (err != nil || !recorded.Running): // it is about to be recorded
		return l
	case err != nil && c.State == planner.StateExited:
		l.ExitCode, l.ExitedAt = int(c.ExitCode), c.ExitedAt
		return l
	case err != nil && exists(filepath.Join(h.cfg.Paths.Container(c.ID), state.FileName)):
		l.state, l.ExitCode = planner.StateExited, lostExitCode
		return l
	case err != nil: // never started
		return l
	}
	l.State = recorded
	if c.State == planner.StateCreated && !recorded.StartedAt.IsZero() {
		l.state = planner.StateExited
		if recorded.Running { // nobody saw it end: the host went down
			l.ExitCode, l.Running = lostExitCode, false
		}
	}
	if c.State == planner.StateExited && recorded.Running {
		l.ExitCode, l.ExitedAt, l.Running = int(c.ExitCode), c.ExitedAt, false
	}
	return l
}

func (h *Host) recorded(id string) (state.State, error) {
	return state.Read(h.cfg.Paths.Container(id))
}

// settled is state that waits, until ctx ends, for the record of a run which has
// just begun: its beginning tells it from the one before.
func (h *Host) settled(ctx context.Context, c containerd.Container) life {
	l := h.state(c)
	for ; c.Running() && !l.Running; l = h.state(c) {
		select {
		case <-ctx.Done():
			return l
		case <-time.After(recordLook):
		}
	}
	return l
}
