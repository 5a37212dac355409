package backendtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// patience is how long the suite waits for what must happen by itself.
const patience = 30 * time.Second

// becomes waits until the container is in that state.
func (s *suite) becomes(id string, want planner.State) planner.Container {
	s.Helper()
	deadline := time.Now().Add(patience)
	for {
		c, _ := s.container(id)
		if c.State == want {
			return c
		}
		if time.Now().After(deadline) {
			s.Fatalf("container %s is %q, and does not become %q", id, c.State, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// started makes and starts a container in which change is another than in the
// suite's own.
func (s *suite) started(change func(*project.Container)) string {
	s.Helper()
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	spec := s.spec()
	change(&spec)
	s.must(s.Backend.CreateContainer(s.ctx, s.id("n1"), spec, nil))
	s.must(s.Backend.StartContainer(s.ctx, s.id("n1")))
	return s.id("n1")
}

// gone takes the container away, for another one of its identifier.
func (s *suite) gone(id string) {
	s.Helper()
	s.must(s.Backend.StopContainer(s.ctx, id, 0))
	s.must(s.Backend.RemoveContainer(s.ctx, id))
}

// checked returns a change to a container with a check that ends with that code.
func checked(code int) func(*project.Container) {
	return func(c *project.Container) {
		c.Health = &project.Healthcheck{
			Test:     []string{project.TestShell, fmt.Sprint("exit ", code)},
			Interval: 50 * time.Millisecond, StartInterval: 50 * time.Millisecond, Retries: 2,
		}
	}
}

// ends returns a change to a container that ends at once with that code.
func ends(code int) func(*project.Container) {
	return func(c *project.Container) { c.Command = []string{"sh", "-c", fmt.Sprint("exit ", code)} }
}

// await waits for at most the suite's patience.
func (s *suite) await(id string, until project.Condition) error {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	return s.Backend.AwaitContainer(ctx, id, until)
}

// inVain checks that a wait ends with the error of that text.
func (s *suite) inVain(id string, until project.Condition, want string) {
	s.Helper()
	err := s.await(id, until)
	var why *planner.AwaitError
	if !errors.As(err, &why) || why.Error() != want {
		s.Fatalf("waiting for %s: got %v, want %q", until, err, want)
	}
	if why.Service != "web" || why.Container != projectName+"-web-1" || why.Until != until {
		s.Errorf("the error is of %q, %q, %q", why.Service, why.Container, why.Until)
	}
}

func testAwaitHealthy(s *suite) {
	id := s.started(checked(0))
	for range 2 { // the second time it is already
		s.must(s.await(id, project.Healthy))
	}
	s.must(s.await(id, project.Ready))
	s.is(id, planner.StateRunning)
}

func testAwaitUnhealthy(s *suite) {
	name := projectName + "-web-1"
	id := s.started(checked(1))
	s.inVain(id, project.Healthy, "container "+name+" is unhealthy")
	s.inVain(id, project.Ready, "container "+name+" is unhealthy")
	s.is(id, planner.StateRunning)
	s.gone(id)
	spec := s.spec()
	s.must(s.Backend.CreateContainer(s.ctx, s.id("n2"), spec, nil))
	s.must(s.Backend.StartContainer(s.ctx, s.id("n2")))
	s.inVain(s.id("n2"), project.Healthy, "container "+name+" has no healthcheck configured")
	s.gone(s.id("n2"))
}

func testAwaitCompleted(s *suite) {
	id := s.started(ends(0))
	for range 2 {
		s.must(s.await(id, project.Completed))
	}
	s.becomes(id, planner.StateExited)
	s.gone(id)
	spec := s.spec()
	ends(3)(&spec)
	checked(0)(&spec)
	s.must(s.Backend.CreateContainer(s.ctx, s.id("n2"), spec, nil))
	s.must(s.Backend.StartContainer(s.ctx, s.id("n2")))
	for range 2 {
		s.inVain(s.id("n2"), project.Completed, `service "web" didn't complete successfully: exit 3`)
	}
	s.inVain(s.id("n2"), project.Healthy, "container "+projectName+"-web-1 exited (3)")
	if c := s.becomes(s.id("n2"), planner.StateExited); c.ExitCode != 3 {
		s.Errorf("what ended with 3 has exit code %d", c.ExitCode)
	}
}

func testAwaitReady(s *suite) {
	id := s.started(func(*project.Container) {})
	s.must(s.await(id, project.Ready))
	s.gone(id)
	for code, nonce := range map[int]string{0: "n2", 4: "n3"} {
		spec := s.spec()
		ends(code)(&spec)
		// It may be looked at before or after its end: what it comes to is one.
		s.must(s.Backend.CreateContainer(s.ctx, s.id(nonce), spec, nil))
		s.must(s.Backend.StartContainer(s.ctx, s.id(nonce)))
		s.becomes(s.id(nonce), planner.StateExited)
		if code == 0 {
			s.must(s.await(s.id(nonce), project.Ready))
		} else {
			s.inVain(s.id(nonce), project.Ready, fmt.Sprintf("container %s-web-1 exited (%d)", projectName, code))
		}
		s.gone(s.id(nonce))
	}
}

func testAwaitEnds(s *suite) {
	id := s.started(func(*project.Container) {})
	ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
	defer cancel()
	if err := s.Backend.AwaitContainer(ctx, id, project.Completed); !errors.Is(err, context.DeadlineExceeded) {
		s.Fatalf("a wait whose time is over: %v", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- s.await(id, project.Completed) }()
	s.must(s.Backend.StopContainer(s.ctx, id, 0))
	var why *planner.AwaitError
	if err := <-waited; !errors.As(err, &why) || !why.Exited {
		s.Errorf("a wait for what is stopped: %v", err)
	}
}

func testKill(s *suite) {
	id := s.started(func(c *project.Container) { c.Restart.Condition = project.RestartAlways })
	s.must(s.Backend.KillContainer(s.ctx, id, "SIGUSR1"))
	s.is(id, planner.StateRunning)
	s.must(s.Backend.KillContainer(s.ctx, id, "SIGKILL"))
	if c := s.becomes(id, planner.StateExited); !c.Stopped {
		s.Error("a kill is no stop")
	}
	s.must(s.Backend.StartContainer(s.ctx, id))
	s.is(id, planner.StateRunning)
}

func testPause(s *suite) {
	id := s.started(func(*project.Container) {})
	for range 2 {
		for range 2 {
			s.must(s.Backend.PauseContainer(s.ctx, id))
			s.is(id, planner.StatePaused)
		}
		for range 2 {
			s.must(s.Backend.UnpauseContainer(s.ctx, id))
			s.is(id, planner.StateRunning)
		}
	}
	s.must(s.Backend.PauseContainer(s.ctx, id))
	s.must(s.Backend.StopContainer(s.ctx, id, time.Second)) // though it cannot hear
	s.is(id, planner.StateExited)
}

func testNotRunning(s *suite) {
	id := s.create("n1")
	for _, state := range []planner.State{planner.StateCreated, planner.StateExited} {
		for what, err := range map[string]error{
			"killing":   s.Backend.KillContainer(s.ctx, id, "SIGKILL"),
			"pausing":   s.Backend.PauseContainer(s.ctx, id),
			"unpausing": s.Backend.UnpauseContainer(s.ctx, id),
		} {
			if !errors.Is(err, executor.ErrNotRunning) {
				s.Errorf("%s what is %s: %v", what, state, err)
			}
		}
		s.is(id, state)
		if state == planner.StateCreated {
			s.must(s.Backend.StartContainer(s.ctx, id))
			s.must(s.Backend.StopContainer(s.ctx, id, 0))
		}
	}
}

func testRestartPolicy(s *suite) {
	id := s.started(func(c *project.Container) {
		ends(3)(c)
		c.Restart = project.Restart{Condition: project.RestartAlways}
	})
	s.becomes(id, planner.StateRestarting)
	s.must(s.Backend.StopContainer(s.ctx, id, 0))
	if s.is(id, planner.StateExited); !s.stopped(id) {
		s.Error("a stop is not remembered")
	}
	s.gone(id)
	// It is given up, and who waits for it learns that.
	spec := s.spec()
	ends(3)(&spec)
	spec.Restart = project.Restart{Condition: project.RestartOnFailure, MaxAttempts: 1}
	s.must(s.Backend.CreateContainer(s.ctx, s.id("n2"), spec, nil))
	s.must(s.Backend.StartContainer(s.ctx, s.id("n2")))
	s.inVain(s.id("n2"), project.Completed, `service "web" didn't complete successfully: exit 3`)
	if s.becomes(s.id("n2"), planner.StateExited); s.stopped(s.id("n2")) {
		s.Error("what ended by itself counts as stopped")
	}
}

func testStopped(s *suite) {
	id := s.create("n1")
	for range 2 {
		s.must(s.Backend.StartContainer(s.ctx, id))
		if s.stopped(id) {
			s.Error("what runs counts as stopped")
		}
		s.must(s.Backend.StopContainer(s.ctx, id, 0))
		if !s.stopped(id) {
			s.Error("a stop is not remembered")
		}
	}
}

func (s *suite) stopped(id string) bool {
	s.Helper()
	c, _ := s.container(id)
	return c.Stopped
}
