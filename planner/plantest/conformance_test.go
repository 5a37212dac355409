package plantest_test

import (
	"context"
	"testing"

	"github.com/gocompose/gocompose/executor/backendtest"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/planner/plantest"
	"github.com/gocompose/gocompose/project"
)

// The fake world keeps the promises of a real host.
func TestWorldIsABackend(t *testing.T) {
	backendtest.Run(t, func(*testing.T) backendtest.Harness {
		w := plantest.NewWorld()
		w.Publish("here:1", "sha256:01")
		w.Load("here:1")
		w.Provides = "conformance"
		return backendtest.Harness{
			Backend: w,
			Observe: func(_ context.Context, name string) (planner.Observed, error) {
				w.Pass()
				return w.Observe(name), nil
			},
			Images:  func(_ context.Context, p *project.Project) (planner.Observed, error) { return w.Observe(p.Name), nil },
			Context: "/nowhere", Provider: w.Provides,
			Image: "here:1", MissingImage: "nowhere:1", Command: []string{"sleep", "infinity"},
		}
	})
}
