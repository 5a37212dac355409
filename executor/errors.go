package executor

import (
	"context"
	"errors"
	"strings"

	"github.com/gocompose/gocompose/planner"
)

// StepError is the failure of one step.
type StepError struct {
	Step planner.StepID
	Op   planner.Op
	Err  error
}

// Error returns "starting container/web-1: <cause>".
func (e *StepError) Error() string {
	return gerund(e.Op.Verb()) + " " + e.Op.Target().String() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// ApplyError tells how far a plan came.
type ApplyError struct {
	Failed  []*StepError     // in the order of failure
	Skipped []planner.StepID // never begun
	Done    int
	// Interrupted is why the context ended, when that is why steps were
	// skipped or failed.
	Interrupted error
}

// Error returns the failures, one a line. Steps that only failed because the
// context ended are summed up as the interruption.
func (e *ApplyError) Error() string {
	var lines []string
	for _, f := range e.Failed {
		if e.Interrupted == nil || !errors.Is(f.Err, context.Canceled) {
			lines = append(lines, f.Error())
		}
	}
	if e.Interrupted != nil {
		lines = append(lines, "interrupted: "+e.Interrupted.Error())
	}
	return strings.Join(lines, "\n")
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
