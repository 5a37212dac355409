package supervisor

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/gocompose/gocompose/internal/jsondir"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
)

var errEngineDown = errors.New("the engine is down")

// fakeRuntime is a host with an engine whose containers do nothing.
type fakeRuntime struct {
	mu         sync.Mutex
	containers map[string]*fakeContainer
	locks      map[string]chan struct{}
	streams    []chan Event
	down       bool // until somebody restores it
	broken     bool // for good: restoring fails
	refuse     int  // how many more releases fail
	needed     bool // Idle says no
	restored   []time.Time
	released   []string
	shutdown   int
	looks      int    // how often what runs was asked for
	oneLooks   int    // how often one container was
	meanwhile  func() // happens once, while a container is looked at

	// kept is where the user's intent is noted; nil: nowhere.
	kept *jsondir.Dir[keep.Record]
	// server is the supervisor of the moment, whose API starting calls.
	server *supervisor
	// startTime is how long a start takes; broke makes the next ones fail.
	startTime time.Duration
	broke     int
	// probe runs a health check; nil: the container is healthy.
	probe     func(ctx context.Context, id string) (health.Result, error)
	probes    []probeTime
	inFlight  map[string]int
	mostAtOne int // probes of one container under way at a time, and of all
	most      int
	wrong     []string // what must never happen and has
	fakePorts
}

type probeTime struct {
	id string
	at time.Time
}

type fakeContainer struct {
	Container
	starts []time.Time
	stops  int // by the supervisor
}

func newFake(living ...string) *fakeRuntime {
	f := &fakeRuntime{containers: map[string]*fakeContainer{}, locks: map[string]chan struct{}{}, inFlight: map[string]int{}}
	for _, id := range living {
		f.get(id).Running = true
	}
	return f
}

// get returns a container, and makes it if need be. The caller has the mutex,
// or the only reference.
func (f *fakeRuntime) get(id string) *fakeContainer {
	c := f.containers[id]
	if c == nil {
		c = &fakeContainer{Container: Container{ID: id, Name: "shop-" + id}}
		f.containers[id] = c
	}
	return c
}

func (f *fakeRuntime) up() error {
	if f.down || f.broken {
		return errEngineDown
	}
	return nil
}

func (f *fakeRuntime) Events(ctx context.Context) (<-chan Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.up(); err != nil {
		return nil, err
	}
	stream := make(chan Event, 100)
	f.streams = append(f.streams, stream)
	context.AfterFunc(ctx, func() { f.end(stream) })
	return stream, nil
}

func (f *fakeRuntime) end(stream chan Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.streams, stream); i >= 0 {
		f.streams = slices.Delete(f.streams, i, i+1)
		close(stream)
	}
}

func (f *fakeRuntime) Containers(context.Context) ([]Container, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	if err := f.up(); err != nil {
		return nil, err
	}
	var all []Container
	for _, c := range f.containers {
		all = append(all, c.Container)
	}
	return all, nil
}

func (f *fakeRuntime) Container(_ context.Context, id string) (Container, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.oneLooks++
	if err := f.up(); err != nil {
		return Container{}, err
	}
	c := f.containers[id]
	if c == nil {
		return Container{}, ErrNoContainer
	}
	seen, meanwhile := c.Container, f.meanwhile
	if f.meanwhile = nil; meanwhile != nil {
		f.mu.Unlock()
		meanwhile()
		f.mu.Lock()
	}
	return seen, nil
}

// lock takes the container's lock, as all do who start or stop it.
func (f *fakeRuntime) lock(id string) (unlock func()) {
	f.mu.Lock()
	if f.locks[id] == nil {
		f.locks[id] = make(chan struct{}, 1)
	}
	lock := f.locks[id]
	f.mu.Unlock()
	lock <- struct{}{}
	return func() { <-lock }
}

func (f *fakeRuntime) Restart(ctx context.Context, id string, next keep.Record) error {
	defer f.lock(id)()
	was, err := f.kept.Read(id)
	f.mu.Lock()
	running := f.get(id).Running
	err = errors.Join(err, f.up())
	f.mu.Unlock()
	switch {
	case errors.Is(err, fs.ErrNotExist), running, err == nil && !was.Since.Equal(next.Since):
		return ErrUnwanted
	case err != nil:
		return err
	}
	err = f.start(ctx, id)
	if !pause(ctx, f.startTime) { // killed before it could be counted
		return ctx.Err()
	}
	return errors.Join(err, f.kept.Write(id, next))
}

// start runs the container's process, under its lock.
func (f *fakeRuntime) start(ctx context.Context, id string) error {
	f.mu.Lock()
	server := f.server
	f.mu.Unlock()
	var held endpoint.Endpoint
	var err error
	server.with(id, func(c *container) {
		server.mu.Lock()
		leaving := server.leaving
		server.mu.Unlock()
		if err = errLeaving; !leaving {
			held, err = c.hold(ctx, server.names, f.place(id))
		}
	})
	if err != nil {
		return err
	}
	if err := endpoint.Write(server.cfg.Paths.Endpoints(), held); err != nil {
		return err
	}
	alive := pause(ctx, f.startTime)
	f.mu.Lock()
	err = f.up()
	if f.broke > 0 {
		f.broke--
		err = errors.Join(err, errors.New("no such device"))
	}
	f.mu.Unlock()
	if alive && err == nil {
		f.begin(id)
		f.tell(Event{ID: id, Kind: EventStarted, At: time.Now()})
		return nil
	}
	if alive {
		server.with(id, (*container).released)
	}
	return errors.Join(err, ctx.Err())
}

func (f *fakeRuntime) GiveUp(_ context.Context, id string, since time.Time) error {
	defer f.lock(id)()
	was, err := f.kept.Read(id)
	f.mu.Lock()
	running := f.get(id).Running
	f.mu.Unlock()
	if err != nil || running || !was.Since.Equal(since) {
		return nil
	}
	return f.kept.Remove(id)
}

func (f *fakeRuntime) Stop(_ context.Context, id string, startedAt time.Time) error {
	defer f.lock(id)()
	f.mu.Lock()
	c := f.get(id)
	c.stops++
	running := c.Running && c.StartedAt.Equal(startedAt)
	f.mu.Unlock()
	if running {
		f.exitWith(id, 0)
	}
	return nil
}

func (f *fakeRuntime) Release(_ context.Context, id string) error {
	defer f.lock(id)()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.released = append(f.released, id)
	if f.refuse > 0 {
		f.refuse--
		return errors.New("not now")
	}
	if f.server == nil || f.up() != nil || f.get(id).Running {
		return f.up()
	}
	return endpoint.Remove(f.server.cfg.Paths.Endpoints(), id)
}

func (f *fakeRuntime) Restore(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restored = append(f.restored, time.Now())
	if f.broken {
		return errEngineDown
	}
	f.down = false
	return nil
}

func (f *fakeRuntime) Guard(ctx context.Context, _ func(error)) { <-ctx.Done() }
func (f *fakeRuntime) Tend(ctx context.Context, _ func(error))  { <-ctx.Done() }

func (f *fakeRuntime) Idle(context.Context) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var kept []string
	var err error
	if f.kept != nil {
		kept, err = f.kept.Names()
	}
	for _, c := range f.containers {
		if c.Running || slices.Contains(kept, c.ID) {
			return false, err
		}
	}
	return !f.needed, err
}

func (f *fakeRuntime) Shutdown(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shutdown++
	return nil
}

// begin has a container's process live.
func (f *fakeRuntime) begin(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.get(id)
	if c.Running {
		f.wrong = append(f.wrong, id+" was started twice")
	}
	now := time.Now()
	c.Running, c.StartedAt, c.ExitedAt, c.ExitCode = true, now, time.Time{}, 0
	c.starts = append(c.starts, now)
}

// exit ends a container's process; who listens hears so.
func (f *fakeRuntime) exit(id string) { f.exitWith(id, 0) }

func (f *fakeRuntime) exitWith(id string, code int) {
	f.mu.Lock()
	f.kill(id, code)
	f.mu.Unlock()
	f.tell(Event{ID: id, Kind: EventExited, At: time.Now()})
}

func (f *fakeRuntime) kill(id string, code int) {
	c := f.get(id)
	c.Running, c.Paused, c.ExitedAt, c.ExitCode = false, false, time.Now(), code
}

func (f *fakeRuntime) pause(id string, kind EventKind) {
	f.set(func() { f.get(id).Paused = kind == EventPaused })
	f.tell(Event{ID: id, Kind: kind, At: time.Now()})
}

func (f *fakeRuntime) tell(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.streams {
		s <- e
	}
}

// die ends the engine. The containers live on, but for those given.
func (f *fakeRuntime) die(dead ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = true
	for _, id := range dead {
		f.kill(id, 137)
	}
	for _, s := range f.streams {
		close(s)
	}
	f.streams = nil
}

func (f *fakeRuntime) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeRuntime) releases() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.released)
}

func (f *fakeRuntime) looked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.looks + f.oneLooks
}

func (f *fakeRuntime) restores() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.restored)
}

// now returns how a container is.
func (f *fakeRuntime) now(id string) fakeContainer {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := *f.get(id)
	c.starts = slices.Clone(c.starts)
	return c
}
