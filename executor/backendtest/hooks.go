package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// says is a hook whose last word says how it ends; before it prints what it is.
func says(code int) project.Hook {
	return project.Hook{Command: []string{"sh", "-c", fmt.Sprintf("echo hook %d; exit %[1]d", code), "exit " + fmt.Sprint(code)}}
}

func discard(string) {}

func testPostStart(s *suite) {
	id := s.started(func(c *project.Container) { c.Hooks.AfterStart = []project.Hook{says(0), says(0)} })
	due := func(want bool) {
		s.Helper()
		if c, _ := s.container(id); c.HooksDue != want {
			s.Fatalf("post_start is due: %v, want %v", c.HooksDue, want)
		}
	}
	due(true)
	var lines []string
	s.must(s.Backend.RunHooks(s.ctx, id, project.AfterStart, func(line string) { lines = append(lines, line) }))
	if n := strings.Count(strings.Join(lines, "\n"), "hook 0"); n < 2 {
		s.Errorf("two hooks have printed %q", lines)
	}
	due(false)
	s.must(s.Backend.RunHooks(s.ctx, id, project.AfterStart, discard)) // again, if one likes
	s.must(s.Backend.StopContainer(s.ctx, id, 0))
	due(false)
	s.must(s.Backend.StartContainer(s.ctx, id))
	due(true)
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	_ = s.Backend.RunHooks(ended, id, project.AfterStart, discard)
	s.must(s.Backend.RunHooks(s.ctx, id, project.AfterStart, discard))
	due(false)
}

func testFailingHooks(s *suite) {
	id := s.started(func(c *project.Container) {
		c.Hooks.AfterStart = []project.Hook{says(0), says(3), says(4)}
		c.Hooks.BeforeStop = []project.Hook{says(5)}
	})
	for at, want := range map[project.Moment]int{project.AfterStart: 3, project.BeforeStop: 5} {
		var why *planner.HookError
		err := s.Backend.RunHooks(s.ctx, id, at, discard)
		if !errors.As(err, &why) || why.ExitCode != want || why.At != at || why.Container != projectName+"-web-1" || why.Service != "web" {
			s.Errorf("%s: got %v, want exit code %d", at, err, want)
		}
	}
	if c, _ := s.container(id); !c.HooksDue || c.State != planner.StateRunning {
		s.Errorf("after a post_start that failed, it is due: %v; and the container is %s", c.HooksDue, c.State)
	}
}

func testHooksOfWhatDoesNotRun(s *suite) {
	s.must(s.Backend.RunHooks(s.ctx, s.id("n9"), project.BeforeStop, discard))
	id := s.started(func(c *project.Container) {
		c.Hooks.AfterStart, c.Hooks.BeforeStop = []project.Hook{says(0)}, []project.Hook{says(0)}
	})
	s.must(s.Backend.PauseContainer(s.ctx, id))
	s.must(s.Backend.RunHooks(s.ctx, id, project.BeforeStop, discard))
	s.is(id, planner.StateRunning)
	s.must(s.Backend.StopContainer(s.ctx, id, 0))
	s.must(s.Backend.RunHooks(s.ctx, id, project.BeforeStop, discard))
	if err := s.Backend.RunHooks(s.ctx, id, project.AfterStart, discard); !errors.Is(err, executor.ErrNotRunning) {
		s.Errorf("post_start of what is stopped: %v", err)
	}
}

// What runs before a service is one of its containers, and none of its replicas.
func testInit(s *suite) {
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	c := s.spec()
	c.Command = []string{"sh", "-c", "exit 0"}
	c.Mounts = []project.Mount{{Type: project.MountVolume, Target: "/anonymous"}}
	c.Hooks.BeforeStart = []project.PreStart{{Container: c}}
	c = c.InitContainers(0)[0]
	id := planner.ContainerID(projectName, "web", 0, "n1p1")
	s.must(s.Backend.CreateContainer(s.ctx, id, c, nil))
	s.must(s.Backend.StartContainer(s.ctx, id))
	s.must(s.await(id, project.Completed))
	obs := s.observe()
	if len(obs.Containers) != 0 || len(obs.Leftovers) != 1 || obs.Leftovers[0].Spec.Role == "" {
		s.Fatalf("there are %d replicas, and %d others", len(obs.Containers), len(obs.Leftovers))
	}
	volume := obs.Leftovers[0].Anonymous["/anonymous"]
	if volume == "" {
		s.Fatal("there is no anonymous volume")
	}
	for range 2 {
		s.must(s.Backend.RemoveContainer(s.ctx, id))
	}
	obs = s.observe()
	if len(obs.Leftovers) != 0 {
		s.Errorf("it is still there")
	}
	if slices.ContainsFunc(obs.Volumes, func(v project.Volume) bool { return v.Name == volume }) {
		s.Errorf("its anonymous volume is still there")
	}
}
