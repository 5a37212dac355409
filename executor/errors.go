package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// StepError is the failure of one step.
type StepError struct {
	Step planner.StepID
	Op   planner.Op
	Err  error
}

// Shared is the failure of a step that says itself what it was for, and for which
// others may have the same reason.
type Shared interface {
	error
	// Reason is the same for all that are told as one.
	Reason() string
	// Among tells of this and of the others, which have the same reason.
	Among(others []error) string
}

// SharedOf returns the failure in err that is all that err says; nil: there is none.
func SharedOf(err error) Shared {
	var s Shared
	if errors.As(err, &s) && s.Error() == err.Error() {
		return s
	}
	return nil
}

// Error returns "starting container/web-1: <cause>". Of a wait in vain it
// returns docker compose's words: "dependency failed to start: container
// shop-db-1 is unhealthy".
func (e *StepError) Error() string {
	if s := SharedOf(e.Err); s != nil {
		return s.Error()
	}
	plain := gerund(e.Op.Verb()) + " " + e.Op.Target().String() + ": " + e.Err.Error()
	var hook *planner.HookError
	if errors.As(e.Err, &hook) && hook.Error() == e.Err.Error() {
		return hook.Error()
	}
	op, waits := e.Op.(planner.AwaitContainer)
	if !waits {
		return plain
	}
	var why *planner.AwaitError
	switch is := errors.As(e.Err, &why); {
	case !is && op.Optional:
		return "optional dependency: " + plain
	case !is:
		return plain
	case op.Optional && op.Until == project.Completed:
		return strings.Replace(e.Err.Error(), "service", "optional dependency", 1)
	case op.Optional:
		return fmt.Sprintf("optional dependency %q is not healthy: %v", why.Service, e.Err)
	case op.Until == project.Healthy:
		return "dependency failed to start: " + e.Err.Error()
	default:
		return e.Err.Error()
	}
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// ApplyError tells how far a plan came.
type ApplyError struct {
	Failed  []*StepError     // in the order of failure
	Skipped []planner.StepID // never begun, or waits that were given up
	Done    int
	// Interrupted is why the context ended (its cause), when that is why steps
	// were skipped or failed.
	Interrupted error
	// TimedOut: the context ended because of its deadline.
	TimedOut bool
}

// Error returns the failures, one a line, and those that share their reason as
// one. Steps that only failed because the context ended are summed up as the interruption; when time ran out, by its
// cause and what was still waited for: "application not healthy after 10s: still
// waiting for container/db-1".
func (e *ApplyError) Error() string {
	var lines, waiting []string
	for i, f := range e.Failed {
		_, waits := f.Op.(planner.AwaitContainer)
		switch target := f.Op.Target().String(); {
		case e.Interrupted == nil || !ended(f.Err):
			lines = append(lines, e.told(i)...)
		case waits && !slices.Contains(waiting, target):
			waiting = append(waiting, target)
		}
	}
	switch {
	case e.TimedOut && len(waiting) > 0:
		slices.Sort(waiting)
		lines = append(lines, fmt.Sprintf("%v: still waiting for %s", e.Interrupted, strings.Join(waiting, ", ")))
	case e.TimedOut:
		lines = append(lines, e.Interrupted.Error())
	case e.Interrupted != nil:
		lines = append(lines, "interrupted: "+e.Interrupted.Error())
	}
	return strings.Join(lines, "\n")
}

// told returns what failure i says, with those of the same reason: nothing, when it
// is told with an earlier one.
func (e *ApplyError) told(i int) []string {
	s := SharedOf(e.Failed[i].Err)
	if s == nil {
		return []string{e.Failed[i].Error()}
	}
	var others []error
	for n, f := range e.Failed {
		switch o := SharedOf(f.Err); {
		case n == i || o == nil || o.Reason() != s.Reason():
		case n < i:
			return nil
		default:
			others = append(others, o)
		}
	}
	return []string{s.Among(others)}
}

// ended tells whether err is only that a context ended.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Unwrap returns the failures and the reason of the interruption.
func (e *ApplyError) Unwrap() []error {
	var errs []error
	for _, f := range e.Failed {
		errs = append(errs, f)
	}
	if e.Interrupted != nil {
		errs = append(errs, e.Interrupted)
	}
	return errs
}
