package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

func TestTheLastReplicaGoesOnUntilAnotherAnswers(t *testing.T) {
	fixed := []endpoint.Port{{Port: project.Port{Target: 80, Protocol: "tcp", Published: 8080}, HostPort: 8080}}
	chosen := []endpoint.Port{{Port: project.Port{Target: 80, Protocol: "tcp"}, HostPort: 32768}}
	last := endpoint.Endpoint{ID: "last", Project: "shop", Service: "web", Ports: fixed}
	next := endpoint.Endpoint{ID: "next", Project: "shop", Service: "web", Ports: fixed, Resting: true}
	with := func(e endpoint.Endpoint, change func(*endpoint.Endpoint)) endpoint.Endpoint {
		change(&e)
		return e
	}
	for _, c := range []struct {
		name            string
		all             []endpoint.Endpoint
		stopped, unwell string
		waits           bool
	}{
		{name: "one that rests", all: []endpoint.Endpoint{last, next}, waits: true},
		{name: "nobody", all: []endpoint.Endpoint{last}},
		{name: "it is not attached", all: []endpoint.Endpoint{next}},
		{name: "one that answers", all: []endpoint.Endpoint{last, next, with(next, func(e *endpoint.Endpoint) { e.ID, e.Resting = "other", false })}},
		{name: "it rests itself", all: []endpoint.Endpoint{with(last, func(e *endpoint.Endpoint) { e.Resting = true }), next}},
		{name: "it has no fixed port", all: []endpoint.Endpoint{with(last, func(e *endpoint.Endpoint) { e.Ports = chosen }), next}},
		{name: "one of another service", all: []endpoint.Endpoint{last, with(next, func(e *endpoint.Endpoint) { e.Service = "db" })}},
		{name: "one of another project", all: []endpoint.Endpoint{last, with(next, func(e *endpoint.Endpoint) { e.Project = "blog" })}},
		{name: "one that is stopped too", all: []endpoint.Endpoint{last, next}, stopped: "next"},
		{name: "one that answers and is stopped too", stopped: "other", waits: true,
			all: []endpoint.Endpoint{last, next, with(next, func(e *endpoint.Endpoint) { e.ID, e.Resting = "other", false })}},
		{name: "one that is unhealthy", all: []endpoint.Endpoint{last, next}, unwell: "next"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &Host{cfg: Config{Paths: paths.Paths{Root: t.TempDir(), State: t.TempDir()}}}
			for _, e := range c.all {
				check(t, endpoint.Write(h.cfg.Paths.Endpoints(), e))
				check(t, os.MkdirAll(h.cfg.Paths.Container(e.ID), 0o700))
			}
			if c.stopped != "" {
				check(t, os.WriteFile(h.stoppedPath(c.stopped), nil, 0o600))
			}
			if c.unwell != "" {
				began := time.Now().UTC().Truncate(0)
				r := health.Record{ID: c.unwell, StartedAt: began}
				r.Status = health.Unhealthy
				check(t, health.In(h.cfg.Paths.Health()).Write(c.unwell, r))
				state := filepath.Join(h.cfg.Paths.Container(c.unwell), "state.json")
				check(t, os.WriteFile(state, []byte(`{"running":true,"startedAt":"`+began.Format(time.RFC3339Nano)+`"}`), 0o600))
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			err := h.handOver(ctx, "last")
			if waits := errors.Is(err, context.Canceled); waits != c.waits || err != nil && !waits {
				t.Errorf("it waits: %v, want %v (%v)", waits, c.waits, err)
			}
			h.goingDown = true
			check(t, h.handOver(ctx, "last"))
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
