package executor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func hook(code int) project.Hook {
	return project.Hook{Command: []string{"sh", "-c", fmt.Sprintf("exit %d", code)}}
}

func before(code int) project.PreStart {
	return project.PreStart{Container: project.Container{Image: "db:1", Command: hook(code).Command}}
}

func TestHooksThatFailKeepWhatNeedsThemFromStarting(t *testing.T) {
	for _, c := range []struct {
		name, want, runs string
		hooks            project.Hooks
	}{
		{"pre_start", "pre_start container shop-db-pre_start-2 exited with status 4, so service db was not started: " +
			"correct what it fails at, and start it again", "[]", project.Hooks{BeforeStart: []project.PreStart{before(0), before(4), before(0)}}},
		{"post_start", "post_start hook of shop-db-1 exited with status 5: the container runs; correct the hook, or what it needs, " +
			"and the next up runs it again", "[db]", project.Hooks{AfterStart: []project.Hook{hook(0), hook(5)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := shop("db", "web:db")
			p.Services[0].Template.Hooks = c.hooks
			w := world(p)
			err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{})
			var why *planner.HookError
			if !errors.As(err, &why) || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			obs := w.Observe("shop")
			if got := fmt.Sprint(running(w)); got != c.runs || len(obs.Leftovers) > 0 {
				t.Errorf("%s run, want %s; and %d containers of pre_start are left", got, c.runs, len(obs.Leftovers))
			}
		})
	}
}

func TestAPreStopThatFailsKeepsTheContainerRunning(t *testing.T) {
	p := shop("db")
	p.Services[0].Template.Hooks.BeforeStop = []project.Hook{hook(6)}
	w := world(p)
	if err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	down, err := planner.Down(p, w.Observe("shop"), planner.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = executor.Apply(t.Context(), down, w, executor.Options{})
	const want = "pre_stop hook of shop-db-1 exited with status 6, so it was not stopped: correct what the hook fails at, " +
		"or end the container without it: gocompose kill db"
	if err == nil || err.Error() != want || len(running(w)) != 1 {
		t.Errorf("%v; running %v", err, running(w))
	}
}

// What is interrupted, and what cannot be started, leaves nothing behind either.
func TestAnInterruptedPreStartLeavesNothing(t *testing.T) {
	for _, at := range []string{"create shop-db-0", "start shop-db-0", "await-completed shop-db-0", "await-completed"} {
		p := shop("db")
		p.Services[0].Template.Hooks.BeforeStart = []project.PreStart{before(0)}
		w := world(p)
		ctx, cancel := context.WithCancel(t.Context())
		fails := failing(at)
		w.Fault = fails
		if at == "await-completed" { // it does not fail: the user has enough
			p.Services[0].Template.Hooks.BeforeStart[0].Container.Command = []string{"for", "ever"}
			w.Fault = nil
		}
		err := executor.Apply(ctx, upPlan(t, p, w), w, executor.Options{Events: func(e executor.Event) {
			if w.Fault == nil && e.Op.Verb() == planner.VerbPreStart && e.Phase == executor.Running {
				cancel()
			}
		}})
		cancel()
		obs := w.Observe("shop")
		if err == nil || len(obs.Leftovers) > 0 || len(running(w)) > 0 {
			t.Errorf("%s: %v; left are %d", at, err, len(obs.Leftovers))
		}
	}
}

func TestHooksTellWhatTheyPrint(t *testing.T) {
	p := shop("db")
	p.Services[0].Template.Hooks.AfterStart = []project.Hook{{Command: []string{"first", "exit 0"}}, {Command: []string{"second", "exit 0"}}}
	w := world(p)
	var lines []string
	err := executor.Apply(t.Context(), upPlan(t, p, w), w, executor.Options{Events: func(e executor.Event) {
		if e.Line != "" {
			lines = append(lines, string(e.Phase)+" "+string(e.Step)+": "+e.Line)
		}
	}})
	want := "working post-start container/db-1: first exit 0\nworking post-start container/db-1: second exit 0"
	if got := strings.Join(slices.Sorted(slices.Values(lines)), "\n"); err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
}
