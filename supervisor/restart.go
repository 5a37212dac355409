package supervisor

import (
	"fmt"
	"time"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// Docker's numbers of the time before a container is started again (moby,
// daemon/internal/restartmanager).
const (
	firstBackOff = 100 * time.Millisecond
	lastBackOff  = time.Minute
	// longRun is how long a run has to last for the next delay to be the first
	// one again.
	longRun = 10 * time.Second
)

// unhealthy is the reason of a restart because of that.
const unhealthy = "unhealthy"

// ending is how a run of a container's process ended, or why there was none.
type ending struct {
	code   int
	length time.Duration
	// unseen: nobody saw how it ended.
	unseen bool
	// unhealthy: it was stopped because it was.
	unhealthy bool
	// failed is why an attempt to start it again failed: what that was for is
	// still so.
	failed error
}

// reason says what happened in the words of a status.
func (e ending) reason() string {
	switch {
	case e.failed != nil:
		return e.failed.Error()
	case e.unhealthy:
		return unhealthy
	case e.unseen:
		return "killed"
	}
	return fmt.Sprintf("exited (%d)", e.code)
}

// nextStart decides whether a container that is kept is started again after
// what has happened. If so it returns the record of that start: its Delay is
// what is waited before.
func nextStart(p project.Restart, was keep.Record, e ending) (next keep.Record, again bool) {
	switch p.Condition {
	case project.RestartAlways, project.RestartUnlessStopped:
		again = true
	case project.RestartOnFailure:
		again = e.code != 0 || e.unseen
	}
	again = again || p.Unhealthy && e.unhealthy || e.failed != nil
	next = was
	if p.Window > 0 && e.length >= p.Window {
		next.Attempts = 0
	}
	if !again || p.MaxAttempts > 0 && next.Attempts >= p.MaxAttempts {
		return was, false
	}
	next.Restarts++
	next.Attempts++
	switch {
	case p.Delay > 0:
		next.Delay = p.Delay
	case e.length >= longRun || was.Delay < firstBackOff:
		next.Delay = firstBackOff
	default:
		next.Delay = min(2*was.Delay, lastBackOff)
	}
	return next, true
}
