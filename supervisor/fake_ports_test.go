package supervisor

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/supervisor/relay"
)

// fakePorts is what of a fake host is about published ports.
type fakePorts struct {
	// ports are what a container publishes; it rests at first.
	ports map[string][]endpoint.Port
	// listens are the TCP ports on which all containers listen; listenLooks are
	// when that was asked for.
	listens     []uint16
	listenLooks []time.Time
	rests       []rest
	refuseRests int // how many more changes fail
	restTime    time.Duration
	restsDeaf   bool // they cannot be broken off
	resting     int  // how many are under way
}

// rest is a change of the part that a container takes in its ports.
type rest struct {
	id      string
	resting bool
}

// place is where a container is attached.
func (f *fakeRuntime) place(id string) endpoint.Endpoint {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := plain(id, "10.0.0.2", f.ports[id]...)
	e.Project, e.Service, e.Resting = "shop", "web", len(e.Ports) > 0
	return e
}

func (f *fakeRuntime) Rest(ctx context.Context, id string, resting bool) error {
	f.mu.Lock()
	took, until := f.restTime, ctx
	if f.restsDeaf {
		until = context.WithoutCancel(ctx)
	}
	f.resting++
	f.mu.Unlock()
	over := pause(until, took)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resting--
	if !over {
		return ctx.Err()
	}
	if f.refuseRests > 0 {
		f.refuseRests--
		return errors.New("the table is locked")
	}
	dir := f.server.cfg.Paths.Endpoints()
	e, err := endpoint.Read(dir, id)
	if errors.Is(err, endpoint.ErrNotFound) {
		return nil
	}
	f.rests = append(f.rests, rest{id, resting})
	e.Resting = resting
	return errors.Join(err, endpoint.Write(dir, e))
}

func (f *fakeRuntime) listening(_ string, tcp []uint16) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listenLooks = append(f.listenLooks, time.Now())
	for _, port := range tcp {
		if !slices.Contains(f.listens, port) {
			return false, nil
		}
	}
	return true, nil
}

// bindNothing holds ports without sockets.
func bindNothing(_ context.Context, p hostPort, _ *relay.Targets) (closers, uint16, error) {
	return nil, p.number, nil
}
