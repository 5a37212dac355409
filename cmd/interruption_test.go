package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func step(name string, err error) *executor.StepError {
	return &executor.StepError{Op: planner.StartContainer{Container: planner.Ref{Target: project.ID{Kind: project.KindContainer, Name: name}}}, Err: err}
}

// Ctrl-C says that it was that, and what went wrong beside it.
func TestWhatGoesWrongWhileInterruptedIsTold(t *testing.T) {
	broken := errors.New("link is busy")
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"nothing else":      {context.Canceled, "interrupted\n"},
		"the cause":         {fmt.Errorf("asking the supervisor: %w", errInterrupted), "interrupted\n"},
		"another one":       {broken, "link is busy\ninterrupted\n"},
		"joined":            {errors.Join(context.Canceled, broken), "link is busy\ninterrupted\n"},
		"deep":              {errors.Join(fmt.Errorf("x: %w", errors.Join(errInterrupted, broken)), context.Canceled), "link is busy\ninterrupted\n"},
		"steps":             {&executor.ApplyError{Failed: []*executor.StepError{step("a-1", context.Canceled), step("b-1", broken)}, Interrupted: errInterrupted}, "starting container/b-1: link is busy\ninterrupted\n"},
		"in a step":         {&executor.ApplyError{Failed: []*executor.StepError{step("a-1", errors.Join(context.Canceled, broken))}, Interrupted: errInterrupted}, "starting container/a-1: link is busy\ninterrupted\n"},
		"releasing a lease": {errors.Join(&executor.ApplyError{Interrupted: errInterrupted}, broken), "link is busy\ninterrupted\n"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(errInterrupted)
			var b bytes.Buffer
			a := &app{Streams: Streams{Err: &b}}
			if code := a.report(ctx, nil, c.err); code != exitInterrupted || b.String() != c.want {
				t.Errorf("%d %q, want %q", code, b.String(), c.want)
			}
		})
	}
}

// Why a dependency failed is below the error.
func TestAWaitInVainShowsTheLastOutput(t *testing.T) {
	db := &planner.AwaitError{Container: "shop-db-1", Service: "db", Until: project.Healthy, Exited: true, ExitCode: 1, Output: []string{"PANIC: no space\r", "giving up"}}
	silent := &planner.AwaitError{Container: "shop-web-1", Until: project.Healthy}
	err := &executor.ApplyError{Failed: []*executor.StepError{step("x-1", db), step("y-1", db), step("z-1", silent)}}
	var b bytes.Buffer
	a := &app{Streams: Streams{Err: &b}}
	if code := a.report(t.Context(), nil, err); code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	if want := "\nlast output of shop-db-1:\n  PANIC: no space\n  giving up\n"; !strings.HasSuffix(b.String(), want) || strings.Count(b.String(), "PANIC") != 1 {
		t.Errorf("got\n%s\nwant below it\n%s", b.String(), want)
	}
}
