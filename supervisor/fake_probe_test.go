package supervisor

import (
	"context"
	"time"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

func (f *fakeRuntime) Probe(ctx context.Context, id string, _ project.Healthcheck) (health.Result, error) {
	f.mu.Lock()
	f.probes = append(f.probes, probeTime{id, time.Now()})
	f.inFlight[id]++
	f.mostAtOne = max(f.mostAtOne, f.inFlight[id])
	all := 0
	for _, n := range f.inFlight {
		all += n
	}
	f.most = max(f.most, all)
	probe, err := f.probe, f.up()
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inFlight[id]--
	}()
	switch {
	case err != nil:
		return health.Result{}, err
	case probe != nil:
		return probe(ctx, id)
	}
	return health.Result{Start: time.Now(), End: time.Now()}, nil
}

// probed returns when a container was probed.
func (f *fakeRuntime) probed(id string) (times []time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.probes {
		if p.id == id {
			times = append(times, p.at)
		}
	}
	return times
}
