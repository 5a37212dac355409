package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// pulling are the events of a pull of three layers, one of which is here, and a plan
// for it.
func pulling() (*planner.Plan, []executor.Event) {
	plan := planner.PullImages([]project.Image{{Ref: "docker.io/library/shop:1"}})
	step := plan.Steps[0]
	start := time.Unix(1000, 0)
	at := func(ms int, phase executor.Phase, p executor.Progress) executor.Event {
		return executor.Event{Time: start.Add(time.Duration(ms) * time.Millisecond), Step: step.ID(), Op: step.Op, Phase: phase, Progress: p}
	}
	news := func(ms int, all int64, id string, state executor.LayerState, current, total int64) executor.Event {
		return at(ms, executor.Working, executor.Progress{Current: all, Total: 7_000_000, Layer: executor.Layer{ID: id, State: state, Current: current, Total: total}})
	}
	const a, b, c = "aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc"
	return plan, []executor.Event{
		at(0, executor.Running, executor.Progress{}),
		news(10, 0, a, executor.LayerWaiting, 0, 4_000_000),
		news(10, 0, b, executor.LayerWaiting, 0, 2_000_000),
		news(10, 0, c, executor.LayerWaiting, 0, 1_000_000),
		news(20, 1_000_000, c, executor.LayerThere, 1_000_000, 1_000_000),
		news(100, 2_000_000, a, executor.LayerFetching, 1_000_000, 4_000_000),
		news(1100, 4_000_000, a, executor.LayerFetching, 3_000_000, 4_000_000),
		news(1200, 6_000_000, b, executor.LayerFetched, 2_000_000, 2_000_000),
		news(1300, 6_000_000, b, executor.LayerUnpacking, 2_000_000, 2_000_000),
		news(1400, 6_000_000, b, executor.LayerUnpacked, 2_000_000, 2_000_000),
		news(1500, 7_000_000, a, executor.LayerFetched, 4_000_000, 4_000_000),
		news(1600, 7_000_000, a, executor.LayerUnpacking, 4_000_000, 4_000_000),
		news(1700, 7_000_000, a, executor.LayerUnpacked, 4_000_000, 4_000_000),
		at(1800, executor.Done, executor.Progress{}),
	}
}

func TestLayersHaveLinesOfTheirOwn(t *testing.T) {
	for mode, file := range map[Mode]string{ModePlain: "layers-plain.txt", ModeJSON: "layers.json"} {
		plan, events := pulling()
		var b bytes.Buffer
		p := NewProgress(&b, ProgressOptions{Mode: mode})
		p.Begin(plan)
		for _, e := range events {
			p.Event(e)
		}
		if err := p.End(); err != nil {
			t.Fatal(err)
		}
		golden(t, file, b.String())
	}
}

func TestLayersUnderWayAreBelowTheirImage(t *testing.T) {
	_, events := pulling()
	b := board{title: "pull", total: 1, at: map[project.ID]int{}}
	var frames []string
	for i, e := range events {
		u := update{key: e.Op.Target(), id: label(e.Op), time: e.Time, status: working, text: "Pulling", current: e.Current, total: e.Total, layer: layerOf(e)}
		if e.Phase == executor.Done {
			u.status, u.text, u.last = done, "Pulled", true
		}
		b.put(u)
		switch i {
		case 5, 6, 8, 11, len(events) - 1:
			frames = append(frames, strings.Join(b.lines(e.Time, 80, 24), "\n")+"\n")
		}
	}
	golden(t, "layers-tty.txt", strings.Join(frames, strings.Repeat("-", 80)+"\n"))
}

// What there is no room for is not shown, and never instead of an image.
func TestLayersTakeTheRoomThatIsLeft(t *testing.T) {
	_, events := pulling()
	for height, want := range map[int]int{0: 2, 2: 2, 3: 3, 4: 4, 9: 4} {
		b := board{title: "pull", total: 1, at: map[project.ID]int{}}
		for _, e := range events[:9] {
			b.put(update{key: e.Op.Target(), id: label(e.Op), time: e.Time, status: working, text: "Pulling", layer: layerOf(e)})
		}
		if got := b.lines(events[8].Time, 80, height); len(got) != want {
			t.Errorf("%d lines of %d, want %d:\n%s", len(got), height, want, strings.Join(got, "\n"))
		}
	}
}
