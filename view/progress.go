package view

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// ProgressOptions say how progress is shown.
type ProgressOptions struct {
	Mode   Mode // as Look.Mode returns it
	Title  string
	Colour bool
	DryRun bool // say in every line that nothing is done
	// Hide are operations that are not shown unless they fail; nil: none.
	Hide func(planner.Op) bool
	// Size returns the columns and rows of the terminal, asked before every
	// frame; nil: those of the writer, or 80 by 24 when it is no terminal.
	Size func() (columns, rows int)
	// Console is where lines are printed meanwhile; nil: none are.
	Console *Console
}

// Progress shows how a plan is carried out. Begin, then Event for every event,
// then End; from one goroutine.
type Progress struct {
	opt    ProgressOptions
	out    renderer
	target map[project.ID]*steps
	told   map[string]bool // reasons of failures
}

// renderer is one form of showing progress.
type renderer interface {
	begin(total int)
	show(update)
	end() error
}

// update is news about one resource.
type update struct {
	key            project.ID
	id             string // for people: "Container shop-web-1"
	status         status
	text, details  string
	current, total int64 // bytes, when known
	time           time.Time
	last           bool // nothing more will happen to the resource
	layer          layer
}

// NewProgress returns a Progress that writes to w.
func NewProgress(w io.Writer, opt ProgressOptions) *Progress {
	p := &Progress{opt: opt, told: map[string]bool{}}
	if opt.Console != nil && opt.Mode != ModeTTY {
		w = opt.Console.Beside(w)
	}
	out := &sticky{w: w}
	switch opt.Mode {
	case ModeTTY:
		if opt.Size == nil {
			opt.Size = sizeOf(w)
		}
		p.out = newTTY(out, opt)
	case ModeJSON:
		p.out = &jsonLines{out: out, dryRun: opt.DryRun}
	case ModeQuiet:
		p.out = quiet{}
	default:
		p.out = &plain{out: out, dryRun: opt.DryRun}
	}
	return p
}

// sizeOf returns how to ask w for its size.
func sizeOf(w io.Writer) func() (columns, rows int) {
	return func() (int, int) {
		if f, ok := w.(*os.File); ok {
			if columns, rows, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 && rows > 0 {
				return columns, rows
			}
		}
		return 80, 24
	}
}

// Begin takes note of the plan and shows what stays as it is.
func (p *Progress) Begin(plan *planner.Plan) {
	p.target = resources(plan)
	p.out.begin(p.seen(plan))
	now := time.Now()
	for _, c := range plan.Unchanged {
		last := p.target[c.Target] == nil // it is not waited for
		p.out.show(update{key: c.Target, id: containerLabel(c), status: done, text: textRunning, time: now, last: last})
	}
}

// seen counts the resources of plan that are shown.
func (p *Progress) seen(plan *planner.Plan) int {
	all := map[project.ID]bool{}
	for _, s := range plan.Steps {
		if p.opt.Hide == nil || !p.opt.Hide(s.Op) {
			all[s.Op.Target()] = true
		}
	}
	for _, c := range plan.Unchanged {
		all[c.Target] = true
	}
	return len(all)
}

// Event shows what e tells.
func (p *Progress) Event(e executor.Event) {
	u := update{key: e.Op.Target(), id: label(e.Op), time: e.Time, current: e.Current, total: e.Total}
	r := p.target[u.key]
	if r == nil {
		r = &steps{left: 1}
	}
	verb := e.Op.Verb()
	u.layer = layerOf(e)
	show := p.opt.Hide == nil || !p.opt.Hide(e.Op)
	switch e.Phase {
	case executor.Running, executor.Working:
		u.status, u.text, u.details = working, doing(verb), e.Line
		switch {
		case r.replaced && verb == planner.VerbCreate:
			u.text = textRecreate
		case r.anew && verb == planner.VerbStop:
			u.text = textRestart
		case r.replaced && (verb == planner.VerbStop || verb == planner.VerbRemove), r.anew && verb == planner.VerbStart:
			show = false
		}
	case executor.Done:
		r.left--
		u.status, u.text = done, did(verb)
		switch {
		case r.replaced && verb == planner.VerbRemove:
			u.text = textRecreated
		case r.replaced && (verb == planner.VerbCreate || verb == planner.VerbStop), r.anew && verb == planner.VerbStop:
			show = false
		}
	case executor.Warned:
		r.left--
		show = true
		u.status, u.text, u.details = warning, textWarning, e.Err.Error()
	case executor.Failed:
		r.left--
		show = true
		u.status, u.text, u.details = failed, textError, p.cause(e.Err)
		if errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded) {
			u.status, u.text, u.details = warning, textInterrupted, ""
		}
	case executor.Skipped:
		r.left--
		show = show && !r.skipped
		r.skipped = true
		u.status, u.text = warning, textSkipped
	}
	u.last = r.left == 0
	if show {
		p.out.show(u)
	}
}

// cause is the first line of an error, which is told whole in the end. For people a
// reason that several share is told once.
func (p *Progress) cause(err error) string {
	if s := executor.SharedOf(err); s != nil && p.opt.Mode != ModeJSON {
		if p.told[s.Reason()] {
			return ""
		}
		p.told[s.Reason()] = true
	}
	return firstLine(err.Error())
}

// End shows the last state and returns the first error of writing. What the
// plan failed with is for the caller to show.
func (p *Progress) End() error { return p.out.end() }

// DryRun shows what carrying out plan would show, and that it is not done.
func DryRun(w io.Writer, plan *planner.Plan, opt ProgressOptions) error {
	opt.DryRun = true
	if opt.Mode == ModeTTY {
		opt.Mode = ModePlain // nothing moves
	}
	p := NewProgress(w, opt)
	p.Begin(plan)
	for _, s := range plan.Steps {
		for _, phase := range []executor.Phase{executor.Running, executor.Done} {
			p.Event(executor.Event{Time: time.Now(), Step: s.ID(), Op: s.Op, Phase: phase})
		}
	}
	return p.End()
}

// quiet shows nothing.
type quiet struct{}

func (quiet) begin(int)   {}
func (quiet) show(update) {}
func (quiet) end() error  { return nil }

// sticky remembers the first error of a writer and writes no more after it.
type sticky struct {
	w   io.Writer
	err error
}

func (s *sticky) Write(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(b)
	s.err = err
	return n, err
}

func (s *sticky) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(s, format, args...) // kept in s
}
