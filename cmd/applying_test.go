package cmd

import (
	"testing"

	"github.com/gocompose/gocompose/planner"
)

// A build is not called a pull.
func TestWhatIsDueHasItsTitle(t *testing.T) {
	pull, build := planner.Step{Op: planner.PullImage{Ref: "a"}}, planner.Step{Op: planner.BuildImage{Ref: "b"}}
	for want, steps := range map[string][]planner.Step{"pull": {pull}, "build": {pull, build}} {
		if got := titleOf(&planner.Plan{Steps: steps}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
