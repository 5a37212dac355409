package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/docker/go-units"
	"golang.org/x/term"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/view"
)

// logInterval is how often the dashboard looks for new lines of logs.
const logInterval = 250 * time.Millisecond

// dashboard shows the services on the whole terminal until a key or ctx ends it.
func (a *app) dashboard(ctx context.Context, services []string) (err error) {
	in, err := a.wholeTerminal()
	if err != nil {
		return err
	}
	m, err := a.measure(ctx, services)
	if err != nil {
		return err
	}
	defer m.close()
	first, err := m.next(ctx)
	if err != nil {
		return err
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("taking over the terminal: %w", err)
	}
	// Also when something below panics.
	defer func() { err = errors.Join(err, term.Restore(int(in.Fd()), before)) }()
	screen := view.NewFullScreen(a.Out, nil)
	defer func() { err = errors.Join(err, screen.Close()) }()
	d := &dashboard{
		screen: screen,
		model:  view.Dashboard{Project: m.look.project, ShowLogs: true, Colour: a.look(a.Out).Colours()},
	}
	d.take(sampled{all: first})
	return d.run(ctx, in, m.next)
}

// wholeTerminal returns the terminal that keys come from, or why there is no
// dashboard.
func (a *app) wholeTerminal() (*os.File, error) {
	const instead = "; `gocompose stats` and `gocompose ps` need no terminal"
	in, ok := a.In.(*os.File)
	switch {
	case !ok || !term.IsTerminal(int(in.Fd())) || !isTerminal(a.Out):
		return nil, errors.New("top --live needs a terminal for its keys and for what it shows" + instead)
	case a.look(a.Out).Mode(view.ModeAuto) != view.ModeTTY:
		return nil, errors.New("top --live draws with control characters, which --ansi never or TERM=dumb forbids" + instead)
	}
	return in, nil
}

// dashboard is one that is shown.
type dashboard struct {
	screen *view.FullScreen
	model  view.Dashboard
	dirs   []string // of the rows' logs
	ids    []string // of the rows' containers
}

// sampled is what a look at all containers has brought.
type sampled struct {
	all []measured
	err error
	// panicked is what the look has panicked with: who owns the terminal goes on with
	// it, after giving that back.
	panicked any
}

// run shows what next tells, until a key or ctx ends it.
func (d *dashboard) run(ctx context.Context, in *os.File, next func(context.Context) ([]measured, error)) error {
	within, cancel := context.WithCancel(ctx)
	samples := make(chan sampled)
	sampling := make(chan struct{})
	go func() {
		defer close(sampling)
		sample(within, next, samples)
	}()
	defer func() { cancel(); <-sampling }()
	keys, stop, err := readKeys(in)
	if err != nil {
		return err
	}
	defer stop()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	look := time.NewTicker(logInterval)
	defer look.Stop()
	for {
		if err := d.draw(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return &exitError{exitInterrupted, nil}
		case s := <-samples:
			if s.panicked != nil {
				panic(s.panicked)
			}
			d.take(s)
		case k, open := <-keys:
			if !open || k == keyQuit { // the terminal has gone
				return nil
			}
			if k == keyInterrupt {
				return &exitError{exitInterrupted, nil}
			}
			d.press(k)
		case <-resized:
		case <-look.C:
		}
	}
}

// sample looks at all containers, time and again.
func sample(ctx context.Context, next func(context.Context) ([]measured, error), to chan<- sampled) {
	tell := func(s sampled) {
		select {
		case to <- s:
		case <-ctx.Done():
		}
	}
	defer func() {
		if p := recover(); p != nil {
			tell(sampled{panicked: p})
		}
	}()
	for pause := firstMeasure; waitFor(ctx, pause); pause = statsInterval {
		all, err := next(ctx)
		tell(sampled{all: all, err: err})
	}
}

// take puts what was seen into the model. The selected container stays so.
func (d *dashboard) take(s sampled) {
	d.model.Trouble = ""
	if s.err != nil {
		d.model.Trouble = s.err.Error()
		return
	}
	selected := ""
	if len(d.ids) > 0 {
		selected = d.ids[d.model.Selected]
	}
	d.model.Rows, d.ids, d.dirs = nil, nil, nil
	for _, m := range s.all {
		d.model.Rows = append(d.model.Rows, dashboardRow(m))
		d.ids = append(d.ids, m.ID)
		d.dirs = append(d.dirs, m.Dir)
	}
	if i := slices.Index(d.ids, selected); i >= 0 {
		d.model.Selected = i
	}
	d.model.Selected = max(min(d.model.Selected, len(d.ids)-1), 0)
}

// press does what a key is for.
func (d *dashboard) press(k key) {
	switch k {
	case keyUp:
		d.model.Selected = max(d.model.Selected-1, 0)
	case keyDown:
		d.model.Selected = max(min(d.model.Selected+1, len(d.ids)-1), 0)
	case keyLogs:
		d.model.ShowLogs = !d.model.ShowLogs
	case keyRedraw:
		d.screen.Redraw()
	}
}

func (d *dashboard) draw(ctx context.Context) error {
	columns, rows := d.screen.Size()
	d.model.Time = time.Now()
	d.model.Logs = nil
	if room := d.model.LogRoom(rows); room > 0 && len(d.dirs) > 0 {
		err := logs.Read(ctx, logs.Source{Dir: d.dirs[d.model.Selected]}, logs.Query{Tail: room}, func(e logs.Entry) error {
			d.model.Logs = append(d.model.Logs, string(e.Line))
			return nil
		})
		if err != nil && ctx.Err() == nil {
			d.model.Trouble = err.Error()
		}
	}
	return d.screen.Draw(d.model.Lines(columns, rows), columns, rows)
}

func dashboardRow(m measured) view.DashboardRow {
	r := view.DashboardRow{
		Name: displayName(m.Name, m.Spec.Project), State: string(m.State), Health: string(healthOf(m.Info)),
		Restarts: fmt.Sprint(m.Restarts), Tone: toneOf(m.Info),
	}
	if m.State == planner.StateExited || m.State == planner.StateRestarting {
		r.State = fmt.Sprintf("%s (%d)", m.State, m.ExitCode)
	}
	if hasProcess(m.Info) {
		s := newStat(m)
		r.CPU, r.Share, r.Network = s.CPUPerc, s.MemPerc, s.NetIO
		r.Memory = units.BytesSize(float64(m.now.Memory))
	}
	return r
}

// toneOf says whether a container is well.
func toneOf(i host.Info) view.Tone {
	switch i.State {
	case planner.StateRunning:
		switch healthOf(i) {
		case health.Starting:
			return view.Fair
		case health.Unhealthy:
			return view.Bad
		}
		return view.Good
	case planner.StateExited:
		if i.ExitCode == 0 {
			return ""
		}
		return view.Bad
	}
	return view.Fair
}
