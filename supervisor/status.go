package supervisor

import (
	"time"

	"github.com/gocompose/gocompose/supervisor/health"
)

// Phase is where a container is in its life, as the supervisor sees it.
type Phase string

const (
	// PhaseStarting: somebody has asked for what the container needs; its
	// process has not been seen yet.
	PhaseStarting Phase = "starting"
	PhaseRunning  Phase = "running"
	PhasePaused   Phase = "paused"
	// PhaseRestarting: the process ended, and is going to be started again.
	PhaseRestarting Phase = "restarting"
	// PhaseEnded: the process ended for good; what it used is being cleaned up.
	PhaseEnded Phase = "ended"
	// PhaseAbsent: nothing is held for the container, and nothing is done about
	// it. What is known of its last run is in its folder.
	PhaseAbsent Phase = "absent"
)

// ContainerStatus is what the supervisor knows of one container.
type ContainerStatus struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Project string `json:"project,omitempty"`
	Service string `json:"service,omitempty"`
	Replica int    `json:"replica,omitempty"`

	Phase Phase `json:"phase"`
	// Runs numbers the runs of containers as this supervisor sees them begin. It
	// grows from each run of a container to its next one, not always by one; 0:
	// it has seen none. Who sees it change has missed nothing but what is in
	// between: the run of the lower number has ended.
	Runs      int       `json:"runs"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	// ExitedAt and ExitCode are of the last run that has ended; zero while the
	// first one goes on.
	ExitedAt time.Time `json:"exitedAt,omitzero"`
	ExitCode int       `json:"exitCode"`
	// Restarts counts the starts by the supervisor since the user's; RestartAt
	// is when the next one is due, zero but for PhaseRestarting.
	Restarts  int       `json:"restarts"`
	RestartAt time.Time `json:"restartAt,omitzero"`
	// Reason says, for PhaseRestarting, why: "exited (1)", "unhealthy", or why
	// the last attempt at it failed.
	Reason string `json:"reason,omitempty"`
	// Health is nil when there is no health check.
	Health *health.State `json:"health,omitempty"`
}
