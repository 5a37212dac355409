package cmd

import (
	"context"
	"sync"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// brings tells whether there are providers to bring up before the plan is made.
func (c change) brings(p *project.Project) bool {
	return c.provides && p != nil && len(p.Providers) > 0
}

// bringProviders brings up those that c needs, and returns the variables that each
// of them has set.
func (a *app) bringProviders(ctx context.Context, h *host.Host, c change, p *project.Project) (map[string]map[string]string, error) {
	if !c.brings(p) {
		return nil, nil
	}
	var mu sync.Mutex
	given := map[string]map[string]string{}
	err := a.apply(ctx, h, planner.ProvidersUp(p), change{title: "providers", provided: func(service string, variables map[string]string) {
		mu.Lock()
		defer mu.Unlock()
		given[service] = variables
	}})
	return given, err
}
