package supervisor

import (
	"context"
	"errors"
	"time"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// EventKind is what happened to a container's process.
type EventKind string

const (
	EventStarted EventKind = "started"
	EventExited  EventKind = "exited"
	EventPaused  EventKind = "paused"
	EventResumed EventKind = "resumed"
)

// Event says that something happened to a container. It says when to look;
// what is so is asked of the runtime.
type Event struct {
	ID   string
	Kind EventKind
	At   time.Time
}

// Container is what the runtime knows of one container.
type Container struct {
	ID      string
	Name    string
	Project string
	Service string
	Replica int

	// Running: there is a living process, started or about to be. One that is
	// paused runs.
	Running bool
	Paused  bool
	// StartedAt is of the last run, zero if there was none: it tells one run from
	// the next, so it must be the same whenever it is asked for. ExitedAt and
	// ExitCode are how the run ended, zero while Running. ExitedAt is zero too of
	// a run whose end nobody saw, because its shim was killed: that counts as a
	// failure.
	StartedAt time.Time
	ExitedAt  time.Time
	ExitCode  int

	Restart project.Restart
	// Health is how to tell whether it works, complete; nil: it is not checked.
	Health *project.Healthcheck
}

// Errors of a Runtime.
var (
	// ErrNoContainer: there is none of that ID.
	ErrNoContainer = errors.New("no such container")
	// ErrUnwanted: the container is not to be started again: the user has
	// stopped it, or it runs.
	ErrUnwanted = errors.New("the container is not to be started again")
)

// Runtime is what the supervisor needs of the host. Its methods may be called
// at the same time, and with no lock held that a caller of the supervisor's API
// could wait for.
type Runtime interface {
	// Events returns what happens after it has returned. The channel is closed
	// when ctx or the connection to the engine ends.
	Events(ctx context.Context) (<-chan Event, error)
	// Containers returns all containers, in no order.
	Containers(ctx context.Context) ([]Container, error)
	// Container returns one, or ErrNoContainer.
	Container(ctx context.Context, id string) (Container, error)
	// Release cleans up behind a container whose process ended: its endpoint,
	// ports and task. It must look, under the lock that who starts containers
	// takes too, whether the container has been started again meanwhile: then
	// there is nothing to do.
	Release(ctx context.Context, id string) error
	// Restart starts a container whose process ended, as who started it first
	// did, but under that lock and only while its record in package keep is
	// there, with the same Since as next has: else ErrUnwanted, and nothing is
	// touched. When the start has succeeded, or failed, next replaces the record,
	// still under the lock: so nothing that the user has stopped meanwhile gets
	// its record back, and a start that was cut short is not counted. It calls
	// the supervisor's API to have the endpoint held, and to release it when the
	// start fails.
	Restart(ctx context.Context, id string, next keep.Record) error
	// GiveUp removes a container's record from package keep under that lock,
	// unless it is of another Since, or the container runs: it is not going to be
	// started again. No record is no error.
	GiveUp(ctx context.Context, id string, since time.Time) error
	// Stop ends a container's process by its stop signal, after its grace by
	// force, without taking it out of package keep: that of the run which began at
	// the time. No process, or another, is no error.
	Stop(ctx context.Context, id string, startedAt time.Time) error
	// Probe runs a health check's test in the container and returns its result,
	// with at most health.MaxOutput of its output. One that is not over in time
	// is killed. Nothing of it is left when Probe returns, or of one that an
	// earlier supervisor began. An error means that the engine could not be
	// asked, or that the container does not run: it says nothing about its
	// health.
	Probe(ctx context.Context, id string, check project.Healthcheck) (health.Result, error)
	// Rest has an attached container take no part in the fixed ports that other
	// replicas of its service have too, or take part in them again: in its
	// endpoint record, and in what the kernel does. The time that the record was
	// written at stays. One that is not attached is no error.
	Rest(ctx context.Context, id string, resting bool) error
	// Restore makes sure that the engine runs and the networks are as they
	// should be.
	Restore(ctx context.Context) error
	// Guard keeps the networks as they should be whatever others change, until ctx
	// ends. It tells report what it cannot do, and nil when it could.
	Guard(ctx context.Context, report func(error))
	// Tend ends what builds images once nobody needs it any more, until ctx ends. It
	// tells report what it cannot do, and nil when it could.
	Tend(ctx context.Context, report func(error))
	// Idle reports whether no container is left that needs a supervisor.
	Idle(ctx context.Context) (bool, error)
	// Shutdown ends what runs for containers only. Nobody else needs the
	// supervisor any more, but others may be using the engine.
	Shutdown(ctx context.Context) error
}
