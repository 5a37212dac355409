package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/planner/plantest"
	"github.com/gocompose/gocompose/project"
)

// show carries plan out one step at a time and shows how it goes.
func show(t *testing.T, w *plantest.World, plan *planner.Plan, p *Progress) error {
	t.Helper()
	p.Begin(plan)
	err := executor.Apply(t.Context(), plan, w, executor.Options{Parallel: 1, Events: p.Event})
	if e := p.End(); e != nil {
		t.Error(e)
	}
	return err
}

func TestPlainProgress(t *testing.T) {
	w, plan := shopPlan(t, planner.Options{RemoveOrphans: true})
	var b bytes.Buffer
	if err := show(t, w, plan, NewProgress(&b, ProgressOptions{Mode: ModePlain})); err != nil {
		t.Fatal(err)
	}
	golden(t, "progress-plain.txt", b.String())
	if !strings.Contains(b.String(), "\n Container shop-web-1 Recreated \n") {
		t.Error("the form that other tools parse is gone")
	}
}

func TestPlainProgressOfDown(t *testing.T) {
	w, p := shop(t)
	plan, err := planner.Down(p, w.Observe("shop"), planner.Options{RemoveOrphans: true, Volumes: true})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := show(t, w, plan, NewProgress(&b, ProgressOptions{Mode: ModePlain})); err != nil {
		t.Fatal(err)
	}
	golden(t, "progress-plain-down.txt", b.String())
}

func TestProgressOfFailure(t *testing.T) {
	for mode, file := range map[Mode]string{ModePlain: "progress-plain-failure.txt", ModeJSON: "progress-failure.json"} {
		w, plan := shopPlan(t, planner.Options{})
		w.Fault = func(call string) plantest.Fault {
			if strings.HasPrefix(call, "pull") {
				return plantest.Before
			}
			return plantest.None
		}
		var b bytes.Buffer
		if err := show(t, w, plan, NewProgress(&b, ProgressOptions{Mode: mode})); err == nil {
			t.Fatal("no error")
		}
		golden(t, file, b.String())
	}
}

// An error of several lines is told whole at the end; here there is room for one.
func TestOfAnErrorTheFirstLineIsShown(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, ProgressOptions{Mode: ModePlain})
	plan := &planner.Plan{Steps: []planner.Step{{Op: planner.BuildImage{Ref: "docker.io/library/web:latest", Service: "web"}}}}
	p.Begin(plan)
	p.Event(executor.Event{Step: plan.Steps[0].ID(), Op: plan.Steps[0].Op, Phase: executor.Failed,
		Err: errors.New("Dockerfile:9: RUN false\n  > 9 | RUN false")})
	if got := b.String(); !strings.Contains(got, "Error Dockerfile:9: RUN false\n") || strings.Contains(got, "> 9") {
		t.Errorf("%q", got)
	}
}

// flaw is the failure of a service for a reason that others may have too.
type flaw string

func (f flaw) Error() string        { return string(f) + ": no rule" }
func (f flaw) Reason() string       { return "no rule" }
func (f flaw) Among([]error) string { return f.Error() }

func TestAReasonThatSeveralShareIsShownOnce(t *testing.T) {
	for mode, want := range map[Mode]int{ModePlain: 1, ModeJSON: 2} {
		var b bytes.Buffer
		p := NewProgress(&b, ProgressOptions{Mode: mode})
		var plan planner.Plan
		for _, service := range []string{"a", "b"} {
			plan.Steps = append(plan.Steps, planner.Step{Op: planner.BuildImage{Ref: service, Service: service}})
		}
		p.Begin(&plan)
		for i, service := range []flaw{"a", "b"} {
			p.Event(executor.Event{Step: plan.Steps[i].ID(), Op: plan.Steps[i].Op, Phase: executor.Failed, Err: service})
		}
		if got := b.String(); strings.Count(got, "no rule") != want || strings.Count(got, "Error") < 2 {
			t.Errorf("%s: %s", mode, got)
		}
	}
}

func TestJSONProgress(t *testing.T) {
	w, plan := shopPlan(t, planner.Options{})
	var b bytes.Buffer
	if err := show(t, w, plan, NewProgress(&b, ProgressOptions{Mode: ModeJSON})); err != nil {
		t.Fatal(err)
	}
	golden(t, "progress.json", b.String())
	for line := range bytes.Lines(b.Bytes()) {
		if !json.Valid(line) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

func TestQuietProgress(t *testing.T) {
	w, plan := shopPlan(t, planner.Options{})
	var b bytes.Buffer
	if err := show(t, w, plan, NewProgress(&b, ProgressOptions{Mode: ModeQuiet})); err != nil || b.Len() > 0 {
		t.Errorf("%q %v", b.String(), err)
	}
}

func TestHiddenStepsShowOnlyWhenTheyFail(t *testing.T) {
	hide := func(op planner.Op) bool { return op.Verb() == planner.VerbPull }
	for _, fault := range []plantest.Fault{plantest.None, plantest.Before} {
		w, plan := shopPlan(t, planner.Options{})
		w.Fault = func(call string) plantest.Fault {
			if strings.HasPrefix(call, "pull") {
				return fault
			}
			return plantest.None
		}
		var b bytes.Buffer
		_ = show(t, w, plan, NewProgress(&b, ProgressOptions{Mode: ModePlain, Hide: hide})) // fails when it is made to
		if shown := strings.Contains(b.String(), "Image"); shown != (fault != plantest.None) {
			t.Errorf("fault %v:\n%s", fault, b.String())
		}
	}
}

func TestHiddenStepsAreNotCounted(t *testing.T) {
	hide := func(op planner.Op) bool { return op.Verb() == planner.VerbPull }
	synctest.Test(t, func(t *testing.T) {
		frames := film(t, ProgressOptions{Hide: hide}, newTerminal(80, 24))
		title, body, _ := strings.Cut(frames[len(frames)-1], "\n")
		lines := strings.Count(body, "\n")
		if want := fmt.Sprintf("[+] up %d/%d", lines, lines); title != want {
			t.Errorf("above %d lines stands %q, want %q", lines, title, want)
		}
	})
}

func TestDryRun(t *testing.T) {
	_, plan := shopPlan(t, planner.Options{})
	var b bytes.Buffer
	if err := DryRun(&b, plan, ProgressOptions{Mode: ModeTTY}); err != nil {
		t.Fatal(err)
	}
	golden(t, "dry-run.txt", b.String())
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestErrorsOfWritingComeOut(t *testing.T) {
	for _, mode := range []Mode{ModePlain, ModeJSON, ModeTTY} {
		_, plan := shopPlan(t, planner.Options{})
		p := NewProgress(broken{}, ProgressOptions{Mode: mode})
		p.Begin(plan)
		if err := p.End(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

// film carries out the shop's plan in slow motion and returns what a terminal
// of that size shows after each of the moments.
func film(t *testing.T, opt ProgressOptions, term *terminal, moments ...time.Duration) []string {
	t.Helper()
	w, plan := shopPlan(t, planner.Options{RemoveOrphans: true})
	w.Delay = func(string) time.Duration { return 950 * time.Millisecond }
	opt.Mode, opt.Title = ModeTTY, "up"
	opt.Size = term.size
	var frames []string
	over := make(chan struct{})
	go func() {
		defer close(over)
		var at time.Duration
		for _, m := range moments {
			time.Sleep(m - at)
			at = m
			synctest.Wait()
			frames = append(frames, term.String())
		}
	}()
	if err := show(t, w, plan, NewProgress(term, opt)); err != nil {
		t.Fatal(err)
	}
	<-over
	return append(frames, term.String())
}

func TestTerminalProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := newTerminal(80, 24)
		_, _ = term.Write([]byte("$ gocompose up -d\n"))
		frames := film(t, ProgressOptions{}, term, 1250*time.Millisecond, 5*time.Second)
		golden(t, "progress-tty.txt", strings.Join(frames, strings.Repeat("-", 80)+"\n"))
		if term.hidden || len(term.unknown) > 0 {
			t.Errorf("cursor hidden: %v, unknown sequences: %q", term.hidden, term.unknown)
		}
	})
}

// When there are more resources than rows, what is under way is shown, and at
// the end everything.
func TestTerminalProgressOnAFewRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := newTerminal(60, 5)
		frames := film(t, ProgressOptions{}, term, 1250*time.Millisecond, 5*time.Second)
		golden(t, "progress-tty-small.txt", strings.Join(frames, strings.Repeat("-", 60)+"\n"))
	})
}

// A terminal that becomes narrower wraps what is there; the display finds back.
func TestTerminalProgressWhenResized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := newTerminal(80, 24)
		_, _ = term.Write([]byte("$ gocompose up -d\n"))
		go func() {
			time.Sleep(2150 * time.Millisecond)
			synctest.Wait()
			term.resize(40)
		}()
		frames := film(t, ProgressOptions{}, term, 3*time.Second)
		golden(t, "progress-tty-resized.txt", strings.Join(frames, strings.Repeat("-", 40)+"\n"))
	})
}

// Nothing happens on the screen where nothing has changed.
func TestOnlyChangedLinesAreDrawn(t *testing.T) {
	term := newTerminal(80, 24)
	s := screen{out: &sticky{w: term}}
	s.draw([]string{"one", "two", "three"}, 80, 24)
	before := term.written
	s.draw([]string{"one", "two", "three"}, 80, 24)
	if term.written != before {
		t.Errorf("%d bytes for nothing", term.written-before)
	}
	s.draw([]string{"one", "2", "three"}, 80, 24)
	if n := term.written - before; n > 12 {
		t.Errorf("%d bytes for one line", n)
	}
	if term.String() != "one\n2\nthree\n" {
		t.Errorf("%q", term.String())
	}
	s.draw([]string{"one"}, 80, 24)
	if term.String() != "one\n" {
		t.Errorf("%q", term.String())
	}
}

func TestColourTakesNoRoom(t *testing.T) {
	now := time.Unix(100, 0)
	b := board{colour: true, total: 2, at: map[project.ID]int{}}
	b.put(update{key: project.ID{Kind: "image", Name: "a"}, id: "Image 日本語/" + strings.Repeat("a", 90), status: working, text: "Pulling", current: 5e6, total: 2e7, time: now})
	b.put(update{key: project.ID{Kind: "image", Name: "b"}, id: "Image b", status: failed, text: "Error", details: "line\nfeed \x1b[31m " + strings.Repeat("x", 90), time: now})
	for _, width := range []int{1, 5, 12, 20, 40, 80, 200} {
		for i, l := range b.lines(now.Add(time.Second), width, 0) {
			if n := visible(l); n >= width {
				t.Errorf("width %d: line %d takes %d columns: %q", width, i, n, l)
			}
		}
	}
	golden(t, "board-colour.txt", strings.Join(b.lines(now.Add(1234*time.Millisecond), 100, 0), "\n")+"\n")
}
