package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/logs"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/view"
)

// The words of docker compose.
const (
	sayStopping = "Gracefully Stopping... press Ctrl+C again to force"
	sayAborting = "Aborting on container exit..."
	sayDetached = "Detached: the containers go on, and `gocompose logs -f` shows what they print"
)

// errAborting is the cause of a context that ended because a container did.
var errAborting = errors.New("a container has exited")

// foreground is up in the foreground, from the beginning of its plan to the end
// of its containers. What is done to containers comes from outside, and all of
// it goes the way of every change.
type foreground struct {
	attachment *attachment
	// abort returns the one of the ends so far that is to be the end of all;
	// nil: there is none.
	abort func([]end) *end
	// code returns the exit code after an abort, when all have ended.
	code func(code int, ends []end) int
	// again brings the user's second wish to end it.
	again <-chan struct{}
	say   func(string)
	// menu lets keys do something until the function that it returns is called; one
	// of them detaches. Nil: there is none.
	menu func(detach func(), watching *watchSwitch) (stop func() error, err error)

	apply, stop, kill func(context.Context) error
	// watch goes on beside, until ctx ends; nil: nothing does. With watchLater it is a
	// key that begins it.
	watch      func(ctx context.Context) error
	watchLater bool
}

// run is all of it. Its error is an *exitError when the code is not 1.
func (f *foreground) run(ctx context.Context) (err error) {
	defer func() { err = f.with(err, f.attachment.close()) }()
	forced, stopListening := f.listen(ctx)
	defer stopListening()

	err = f.bringUp(ctx)
	if !f.attachment.begun() {
		return err
	}
	f.attachment.welcome()
	if err == nil && ctx.Err() == nil {
		err = f.wait(ctx)
	} else {
		err = errors.Join(err, f.attachment.compare(context.WithoutCancel(ctx), f.attachment.world.Containers))
	}
	aborts := f.abort(f.attachment.endsSoFar())
	switch {
	case errors.Is(err, errDetached):
		f.say(sayDetached)
		return besides(err)
	case ctx.Err() != nil:
		f.say(sayStopping)
		return &exitError{exitInterrupted, f.end(forced, besides(err))}
	case aborts != nil:
		f.attachment.after(*aborts, func() { f.say(sayAborting) })
		err = f.end(forced, besides(err))
		return f.aborted(forced, aborts.code, err)
	default:
		return err
	}
}

// wait returns when nothing is left to wait for, or a container's end is the end of
// all. Its error is errDetached when the user has left.
func (f *foreground) wait(ctx context.Context) (err error) {
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	watching := &watchSwitch{run: f.watch, say: f.say}
	if !f.watchLater {
		watching.on(ctx)
	}
	defer watching.off()
	if f.menu != nil {
		stop, err := f.menu(func() { leave(errDetached) }, watching)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	err = f.attachment.wait(ctx, func(ends []end) bool { return f.abort(ends) != nil })
	if errors.Is(context.Cause(ctx), errDetached) {
		return errDetached // whatever that has cut short
	}
	return err
}

// bringUp carries the plan out, until the end of a container is the end of all.
func (f *foreground) bringUp(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	over := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-over:
				return
			case <-f.attachment.ended:
			}
			if f.abort(f.attachment.endsSoFar()) != nil {
				cancel(errAborting)
				return
			}
		}
	}()
	defer func() {
		close(over)
		<-done
		cancel(nil)
	}()
	return f.apply(ctx)
}

// listen returns a context that ends when the user wants it to end at once.
func (f *foreground) listen(ctx context.Context) (context.Context, func()) {
	forced, force := context.WithCancelCause(context.WithoutCancel(ctx))
	over := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-over:
		case <-f.again:
			force(errInterrupted)
		}
	}()
	return forced, func() {
		close(over)
		<-done
		force(nil)
	}
}

// end stops what was selected, by force when ctx ends, and takes in how it
// ended. It adds what went wrong to err.
func (f *foreground) end(ctx context.Context, err error) error {
	stopped := error(nil)
	if ctx.Err() == nil {
		stopped = f.stop(ctx)
	}
	calm := context.WithoutCancel(ctx)
	if ctx.Err() != nil {
		killed := f.kill(calm)
		stopped = errors.Join(besides(stopped), killed)
		if killed == nil {
			// What is killed ends soon, but not at once.
			stopped = errors.Join(stopped, f.attachment.wait(calm, func([]end) bool { return false }))
		}
	}
	return errors.Join(err, stopped, f.attachment.compare(calm, f.attachment.world.Containers))
}

// aborted returns the error with the exit code of an abort.
func (f *foreground) aborted(forced context.Context, code int, err error) error {
	switch code = f.code(code, f.attachment.endsSoFar()); {
	case forced.Err() != nil:
		code = exitInterrupted
	case err != nil && code == exitOK:
		code = exitFailure
	}
	if err == nil && code == exitOK {
		return nil
	}
	return &exitError{code, err}
}

// with adds an error to one that may have an exit code.
func (f *foreground) with(err, more error) error {
	var exit *exitError
	if more == nil || !errors.As(err, &exit) {
		return errors.Join(err, more)
	}
	return &exitError{exit.code, errors.Join(exit.cause, more)}
}

// upAttached is up without -d.
func (a *app) upAttached(ctx context.Context, f upFlags, m upMode, services []string) error {
	c, err := f.change(services)
	if err != nil {
		return err
	}
	p, err := a.loadTrusted(ctx, c, m.watched(a.storing(c.load)))
	if err != nil {
		return err
	}
	var w *watching
	if m.watch {
		if w, err = a.newWatching(p); err != nil {
			return err
		}
		defer w.lock.Unlock()
	}
	p = m.running(p)
	set, err := m.attachSet(p, services)
	if err != nil {
		return err
	}
	h, err := a.openFor(ctx, c, p.Name, p)
	if h == nil || err != nil {
		return err
	}
	defer h.Close()
	where, err := a.paths()
	if err != nil {
		return err
	}
	console := &view.Console{}
	a.warnings = a.onConsole(console, a.Err)
	at := newAttachment(hostWorld{h, where}, a.attachedLines(console, m), set.options(p.Name))
	c.console, c.confirm = console, func(*planner.Plan) (bool, error) { return true, at.attach(ctx) }
	change := func(c change) func(context.Context) error {
		return func(ctx context.Context) error { return a.changeProject(ctx, h, c, p.Name, p) }
	}
	fg := &foreground{
		attachment: at, code: m.code, again: a.again,
		abort: func(ends []end) *end { return m.abort(ends, set.jobs) },
		say:   func(text string) { fmt.Fprintln(a.onConsole(console, a.Err), text) },
		apply: change(c),
		stop:  change(ending{set.selected, f.grace, console}.by("stop", planner.Stop)),
		kill:  change(ending{set.selected, f.grace, console}.by("kill", planner.Kill)),
	}
	if m.menu && a.hasMenu(m) {
		fg.menu = func(detach func(), watching *watchSwitch) (func() error, error) {
			return a.startMenu(console, shortcuts(ctx, detach, watching))
		}
	}
	in := watchSetting{h, a.onConsole(console, a.Out), console, f}
	switch {
	case w != nil:
		w.watchSetting, fg.watch = in, w.run
	case fg.menu != nil:
		fg.watchLater, fg.watch = true, func(ctx context.Context) error { return a.watchBeside(ctx, in, services, a.storing(c.load)) }
	}
	return fg.run(ctx)
}

// loadTrusted loads the project, and asks about what its files ask for.
func (a *app) loadTrusted(ctx context.Context, c change, load func(*loader.Options)) (*project.Project, error) {
	p, err := a.load(ctx, c.services, load)
	if err == nil {
		err = a.trusts(ctx, c, p)
	}
	return p, err
}

// attach begins with what there is before the plan is carried out: of that only
// what it prints from now on is shown.
func (a *attachment) attach(ctx context.Context) error {
	infos, err := a.world.Containers(ctx, a.opt.project)
	if err == nil {
		a.begin(ctx, infos, logs.Query{Tail: 0})
	}
	return err
}

// ending ends what runs of the services.
type ending struct {
	services []string
	grace    *time.Duration
	console  *view.Console
}

// by is the change that does it.
func (e ending) by(title string, plan planning) change {
	return change{
		title:   title,
		console: e.console,
		plan: func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
			running := slices.DeleteFunc(slices.Clone(e.services), func(s string) bool {
				return !slices.ContainsFunc(obs.Containers, func(c planner.Container) bool { return c.Spec.Service == s && c.Running() })
			})
			if len(running) == 0 { // which would mean all
				return &planner.Plan{Project: p.Name}, nil
			}
			return plan(p, obs, planner.Options{Selected: running, Timeout: e.grace})
		},
	}
}

// attachedLines is where the lines of attached containers go.
func (a *app) attachedLines(console *view.Console, m upMode) *view.Logs {
	return view.NewLogs(a.onConsole(console, a.Out), view.LogOptions{
		NoPrefix:   m.noPrefix,
		Timestamps: m.timestamps,
		Colour:     !m.noColor && a.look(a.Out).Colours(),
		Buffered:   true,
		Stderr:     a.onConsole(console, a.Err),
	})
}

// onConsole returns w for lines that are printed while progress is shown.
func (a *app) onConsole(console *view.Console, w io.Writer) io.Writer {
	if isTerminal(w) {
		return console.Above(w)
	}
	return console.Beside(w)
}

// hostWorld is the host as attachments need it.
type hostWorld struct {
	*host.Host
	paths paths.Paths
}

// Dir returns the folder of a container's logs.
func (w hostWorld) Dir(id string) string { return w.paths.Container(id) }

// Settled returns the project's containers once no command is changing it.
func (w hostWorld) Settled(ctx context.Context, project string) ([]host.Info, error) {
	lock, err := host.LockProject(ctx, w.paths, project, func() {})
	if err != nil {
		return nil, err
	}
	infos, err := w.Containers(ctx, project)
	return infos, errors.Join(err, lock.Unlock())
}

// attachSet is which services' containers an up in the foreground is about.
type attachSet struct {
	shown    map[string]bool // their lines are printed
	minded   map[string]bool // their ends count
	jobs     map[string]bool // they run to completion
	selected []string        // what is stopped in the end
	names    []string        // of the containers shown, as they are shown
}

func (s attachSet) shows(service string, _ int) bool { return s.shown[service] }
func (s attachSet) minds(service string, _ int) bool { return s.minded[service] }

func (s attachSet) banner() string {
	if len(s.names) == 0 {
		return ""
	}
	return "Attaching to " + strings.Join(s.names, ", ")
}
