package shim

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/containerd/api/types/task"
	runc "github.com/containerd/go-runc"
	"github.com/containerd/log"
	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/proto"

	"github.com/gocompose/gocompose/events"
	"github.com/gocompose/gocompose/shim/options"
	"github.com/gocompose/gocompose/shim/state"
)

// service is a task service around another one. Tasks whose standard output is
// one of our URIs get their logs and state kept; all others are the inner
// service's alone, and so are execs that are not ours, but for their start.
//
// Whoever learns of such a task's exit, by Wait, by the exit event or by
// Delete, finds state and log complete, but for what a process that has left
// the container may still print (see capture.settle).
type service struct {
	taskapi.TTRPCTaskService // the inner one, which does what is not done here

	outlets *outlets

	bundle string // where it was started; empty: it is not looked at
	leave  func() // ends the shim

	keeping    sync.Once
	goroutines sync.WaitGroup

	mu         sync.Mutex
	containers map[string]*container
	execs      map[string]execStreams // of ours, added and not yet started
	stops      []context.CancelFunc   // of goroutines
	draining   []*capture             // of deleted containers
}

// newService returns a service without an inner one, which has runc run by way
// of its outlets.
func newService(runs runc.ProcessMonitor) *service {
	return &service{containers: map[string]*container{}, execs: map[string]execStreams{}, outlets: newOutlets(runs)}
}

// RegisterTTRPC is how containerd's shim server takes in a service. It is served
// in both versions of the API, as each containerd speaks its own.
func (s *service) RegisterTTRPC(server *ttrpc.Server) error {
	taskapi.RegisterTTRPCTaskService(server, s)
	registerTaskV2(server, s)
	return nil
}

// spawn runs f until it is through or the service is closed.
func (s *service) spawn(ctx context.Context, f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.mu.Lock()
	s.stops = append(s.stops, cancel)
	s.mu.Unlock()
	s.goroutines.Go(func() {
		defer cancel()
		f(ctx)
	})
}

// close ends what the service has begun, and waits for the logs of deleted
// containers if Delete has given up waiting. The inner service ends by its own
// means.
func (s *service) close(ctx context.Context) error {
	s.mu.Lock()
	for _, stop := range s.stops {
		stop()
	}
	draining := s.draining
	s.mu.Unlock()
	s.goroutines.Wait()
	for _, c := range draining {
		c.attached.Close(ctx)
	}
	for _, c := range draining {
		select {
		case <-c.sent:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// container returns the record of a container of ours, or nil.
func (s *service) container(id string) *container {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.containers[id]
}

// pid returns the first process of a container of ours, or 0.
func (s *service) pid(id string) int {
	if c := s.container(id); c != nil {
		return c.pid
	}
	return 0
}

func (s *service) addContainer(id string, c *container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.containers[id] = c
}

// Create opens the log before the container's first process exists.
func (s *service) Create(ctx context.Context, r *taskapi.CreateTaskRequest) (*taskapi.CreateTaskResponse, error) {
	if !options.IsURI(r.Stdout) {
		return s.TTRPCTaskService.Create(ctx, r)
	}
	o, err := options.Parse(r.Stdout)
	if err != nil {
		return nil, err
	}
	if err := rememberOptions(r.Bundle, o); err != nil {
		return nil, err
	}
	capture, err := openCapture(o, r)
	if err != nil {
		return nil, err
	}
	resp, err := s.create(ctx, r, capture)
	if err != nil {
		capture.settle(ctx, time.Now())
		return nil, errors.Join(err, capture.stdin.close(), capture.detach(ctx))
	}
	process, _ := os.FindProcess(int(resp.Pid)) // does not fail on Unix
	c := &container{
		bundle: r.Bundle, options: o, capture: capture, settled: make(chan struct{}), pid: int(resp.Pid), process: process,
		stdout: r.Stdout, stderr: r.Stderr, terminal: r.Terminal, oomCount: oomCounter(int(resp.Pid)),
	}
	c.noter.of(o)
	s.addContainer(r.ID, c)
	s.spawn(ctx, func(ctx context.Context) { s.awaitExit(ctx, r.ID, c) })
	return resp, nil
}

// create has the inner service create a container that prints into the capture:
// what it prints to a terminal is copied there by the inner service, and what is
// written to its standard input from there.
func (s *service) create(ctx context.Context, r *taskapi.CreateTaskRequest, c *capture) (*taskapi.CreateTaskResponse, error) {
	inner := proto.Clone(r).(*taskapi.CreateTaskRequest)
	if r.Terminal {
		inner.Stdin, inner.Stdout, inner.Stderr = c.stdin.name(), c.path(0), ""
	} else {
		inner.Stdin, inner.Stdout, inner.Stderr = "", "", ""
		s.outlets.expect(r.Bundle, c)
		defer s.outlets.forget(r.Bundle)
	}
	resp, err := s.TTRPCTaskService.Create(ctx, inner)
	return resp, errors.Join(err, c.release())
}

// Start records the start, and from the first one on the supervisor is kept.
func (s *service) Start(ctx context.Context, r *taskapi.StartRequest) (*taskapi.StartResponse, error) {
	if r.ExecID != "" {
		return s.startExec(ctx, r)
	}
	c := s.container(r.ID)
	if c == nil {
		return s.TTRPCTaskService.Start(ctx, r)
	}
	c.starting.Lock() // an exit is recorded after the start
	defer c.starting.Unlock()
	at := time.Now()
	resp, err := s.TTRPCTaskService.Start(ctx, r)
	if err != nil {
		return nil, err
	}
	s.save(ctx, c, state.State{Running: true, Pid: c.pid, StartedAt: at})
	c.noter.note(at, events.Start)
	if c.options.Supervisor.Socket != "" {
		s.keeping.Do(func() { s.spawn(ctx, newKeeper(c.options.Supervisor).run) })
	}
	return resp, nil
}

// awaitExit records the exit of a container's first process.
func (s *service) awaitExit(ctx context.Context, id string, c *container) {
	defer s.watchBundle(ctx)
	defer close(c.settled)
	resp, err := s.TTRPCTaskService.Wait(ctx, &taskapi.WaitRequest{ID: id})
	if err != nil { // the shim shuts down
		return
	}
	at := resp.ExitedAt.AsTime()
	c.starting.Lock()
	if st := c.last(); st.Running {
		st.Running, st.ExitedAt, st.ExitCode = false, at, int(resp.ExitStatus)
		st.OOMKilled = oomKills(c.oomCount) > 0
		s.save(ctx, c, st)
		c.killing.Lock()
		c.noter.died(st)
		c.killing.Unlock()
	}
	c.starting.Unlock()
	c.capture.settle(ctx, at)
	if c.capture.attached.Patient() && !c.capture.ended() {
		s.spawn(ctx, func(ctx context.Context) { c.capture.tellEnd(ctx, at, int(resp.ExitStatus)) })
		return
	}
	c.capture.attached.Exited(int(resp.ExitStatus))
}

// save writes a container's state, or goes on trying in the background: the
// disk may be full.
func (s *service) save(ctx context.Context, c *container, st state.State) {
	if err := c.save(st); err != nil {
		s.spawn(ctx, c.saveLater)
	}
}

// Wait returns when the exit is recorded.
func (s *service) Wait(ctx context.Context, r *taskapi.WaitRequest) (*taskapi.WaitResponse, error) {
	c := s.container(r.ID)
	resp, err := s.TTRPCTaskService.Wait(ctx, r)
	if err != nil || c == nil || r.ExecID != "" {
		return resp, err
	}
	return resp, c.awaitSettled(ctx)
}

// State says what the client has asked for, not what the inner service was
// given: clients that attach by this answer would take lines away from the log.
// Standard input is the FIFO that can be written to.
func (s *service) State(ctx context.Context, r *taskapi.StateRequest) (*taskapi.StateResponse, error) {
	resp, err := s.TTRPCTaskService.State(ctx, r)
	if c := s.container(r.ID); err == nil && c != nil && r.ExecID == "" {
		resp.Stdin, resp.Stdout, resp.Stderr = c.capture.stdin.name(), c.stdout, c.stderr
	}
	return resp, err
}

// Delete returns when the log is complete.
//
// Of a terminal, which the inner service copies, that one waits up to ten
// seconds for whoever still has it open after the exit. We have waited as long
// as is sound by then (see capture.settle). So in that case it is first asked to
// delete in no time: that fails, but it closes the output, and can be asked
// again.
func (s *service) Delete(ctx context.Context, r *taskapi.DeleteRequest) (*taskapi.DeleteResponse, error) {
	c := s.container(r.ID)
	if c == nil || r.ExecID != "" {
		return s.TTRPCTaskService.Delete(ctx, r)
	}
	state, err := s.TTRPCTaskService.State(ctx, &taskapi.StateRequest{ID: r.ID})
	if err != nil {
		return nil, err
	}
	if state.Status == task.Status_STOPPED {
		if err := c.awaitSettled(ctx); err != nil {
			return nil, err
		}
		if c.terminal && !c.capture.ended() {
			over, cancel := context.WithDeadline(ctx, time.Now())
			_, _ = s.TTRPCTaskService.Delete(over, r)
			cancel()
		}
	}
	resp, err := s.TTRPCTaskService.Delete(ctx, r)
	if err == nil {
		s.deleted(ctx, r.ID, c)
	}
	return resp, err
}

// deleted ends the log of a container that is gone.
func (s *service) deleted(ctx context.Context, id string, c *container) {
	s.mu.Lock()
	s.draining = append(s.draining, c.capture)
	delete(s.containers, id)
	s.mu.Unlock()
	_ = c.process.Release() // does not fail on Unix
	_ = c.capture.stdin.close()
	c.capture.attached.Hurry()
	if err := c.capture.attached.Withdraw(); err != nil {
		log.G(ctx).WithError(err).Warn("taking away the socket to attach at")
	}
	if err := rememberDeleted(c.bundle); err != nil {
		log.G(ctx).WithError(err).Warn("remembering the deletion: it is done twice")
	}
	c.capture.settle(ctx, time.Now())
	if !c.capture.ended() {
		if err := c.capture.end(); err != nil {
			log.G(ctx).WithError(err).Warn("ending the log")
		}
	}
	select {
	case <-c.capture.done:
	case <-ctx.Done():
	}
}
