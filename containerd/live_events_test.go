//go:build live

package containerd_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	apievents "github.com/containerd/containerd/api/events"
	"github.com/containerd/containerd/v2/core/runtime"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/enginetest"
)

// exitIn returns the next exit.
func exitIn(events <-chan containerd.Event) containerd.Event {
	for e := range events {
		if e.Kind == containerd.EventExited {
			return e
		}
	}
	return containerd.Event{}
}

func TestExitsOfExecutedProgramsAreNotThoseOfContainers(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.x", "true"+wait)
	report(t, c, req)
	events, err := c.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	container, err := c.Raw().LoadContainer(t.Context(), req.ID)
	if err != nil {
		t.Fatal(err)
	}
	task, err := container.Task(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	process, err := task.Exec(t.Context(), "probe", &specs.Process{Args: []string{"true"}, Cwd: "/", Env: []string{"PATH=/bin"}}, nullIO)
	if err != nil {
		t.Fatal(err)
	}
	ended, err := process.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-ended
	if err := c.StopTask(t.Context(), req.ID, containerd.StopRequest{Grace: -1}); err != nil {
		t.Fatal(err)
	}
	if got := exitIn(events); got.Code != 3 {
		t.Errorf("first exit %+v, want the container's with code 3", got)
	}
}

func TestTheChannelOfEventsClosesWithTheEngine(t *testing.T) {
	e := enginetest.Start(t)
	c, err := containerd.Connect(t.Context(), containerd.Config{Address: e.Address})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	events, err := c.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e.Kill(t)
	for exit := range events {
		t.Errorf("an exit of nothing: %+v", exit)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Events(ctx); err == nil {
		t.Error("there are events without an engine")
	}
	e.Run(t)
	eventually(t, "the engine that was started again gives events", func() bool {
		_, err := c.Events(t.Context())
		return err == nil
	})
}

func TestNoEventIsMissedAfterEventsReturned(t *testing.T) {
	c := engine(t)
	for i := range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		events, err := c.Events(ctx)
		if err != nil {
			t.Fatal(err)
		}
		// What a shim says, without the time that a container takes.
		id := fmt.Sprintf("shop-web-%d.m", i)
		said := &apievents.TaskExit{ContainerID: id, ID: id, ExitStatus: 4}
		if err := c.Raw().EventService().Publish(ctx, runtime.TaskExitEventTopic, said); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-events:
			if got.ID != id || got.Code != 4 {
				t.Errorf("exit %+v, want code 4 of %s", got, id)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("the exit of %s was missed", id)
		}
		cancel()
		for range events {
			t.Error("another exit")
		}
	}
}

func TestContainersRunInParallel(t *testing.T) {
	c := engine(t)
	events, err := c.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 3 {
		group.Go(func() {
			ctx := t.Context()
			req := request(fmt.Sprintf("shop-web-%d.p", i), "sleep 100")
			for _, do := range []func() error{
				func() error { return c.CreateContainer(ctx, req) },
				func() error { return c.StartTask(ctx, req.ID, containerd.StartRequest{}) },
				func() error { return c.StopTask(ctx, req.ID, containerd.StopRequest{}) },
				func() error { return c.RemoveContainer(ctx, req.ID) },
			} {
				if err := do(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen := map[string]bool{}
	for range 3 {
		seen[exitIn(events).ID] = true
	}
	group.Wait()
	if len(seen) != 3 {
		t.Errorf("events of %v, want three", seen)
	}
}
