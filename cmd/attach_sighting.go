package cmd

import (
	"strings"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
)

// stage is where a container is in its life, as far as it matters here.
type stage int

const (
	idle       stage = iota // it has ended for good, or never begun
	undecided               // it has ended, and may be started again
	restarting              // it has ended, and is going to be started again
	alive
)

// sighting is news of a container.
type sighting struct {
	id, name, service string
	replica           int
	stage             stage
	restarted         bool // by the supervisor, since the user's start
	lost              bool // it has ended, and when is not known
	exitedAt          time.Time
	exitCode          int
}

// displayName is how docker compose names a container before its lines: without
// the project, unless the name was chosen by the user.
func displayName(name, of string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, of+project.Separator), of+project.OldSeparator)
}

func sightingOf(i host.Info) sighting {
	s := sighting{
		id: i.ID, name: i.Name, service: i.Spec.Service, replica: i.Spec.Replica,
		exitedAt: i.ExitedAt, exitCode: i.ExitCode, restarted: i.Restarts > 0,
	}
	switch i.State {
	case planner.StateRunning, planner.StatePaused:
		s.stage = alive
	case planner.StateRestarting: // if the supervisor does not decide otherwise
		s.stage = undecided
	case planner.StateExited:
		s.lost = i.ExitedAt.IsZero()
	}
	return s
}

func sightingIn(c supervisor.ContainerStatus) sighting {
	s := sighting{
		id: c.ID, name: c.Name, service: c.Service, replica: c.Replica,
		exitedAt: c.ExitedAt, exitCode: c.ExitCode, restarted: c.Restarts > 0,
	}
	switch c.Phase {
	case supervisor.PhaseEnded:
		s.stage = undecided
	case supervisor.PhaseRestarting:
		s.stage = restarting
	case supervisor.PhaseAbsent:
		s.stage = idle
	default:
		s.stage = alive
	}
	return s
}
