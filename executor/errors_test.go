package executor_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
)

// flaw is a failure for a reason that others may have too.
type flaw struct{ of, reason string }

func (f flaw) Error() string  { return f.of + ": " + f.reason }
func (f flaw) Reason() string { return f.reason }
func (f flaw) Among(others []error) string {
	return fmt.Sprintf("%s and %v: %s", f.of, others, f.reason)
}

func TestAReasonThatSeveralShareIsToldOnce(t *testing.T) {
	failed := func(of string, err error) *executor.StepError {
		return &executor.StepError{Op: planner.BuildImage{Ref: of, Service: of}, Err: err}
	}
	one := failed("a", flaw{"a", "no rule"})
	if got := one.Error(); got != "a: no rule" {
		t.Errorf("alone it is %q", got)
	}
	more := &executor.ApplyError{Failed: []*executor.StepError{
		one,
		failed("b", flaw{"b", "no file"}),
		failed("c", flaw{"c", "no rule"}),
		failed("d", errors.New("no rule")),
		failed("e", fmt.Errorf("later: %w", flaw{"e", "no rule"})),
	}}
	want := "a and [c: no rule]: no rule\nb and []: no file\nbuilding image/d: no rule\nbuilding image/e: later: e: no rule"
	if got := more.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
