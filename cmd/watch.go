package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/view"
	"github.com/gocompose/gocompose/watch"
)

func (a *app) watchCommand() *cobra.Command {
	var f upFlags
	var noUp, prune bool
	c := &cobra.Command{
		Use:   "watch [OPTIONS] [SERVICE...]",
		Short: "Watch build context for service and rebuild/refresh containers when files are updated",
		Long: "Brings the services up, then watches the files that develop.watch of the Compose file names, and when they change\n" +
			"copies them into the containers, restarts these, runs commands in them, or builds their image anew and replaces them\n" +
			"where it is another one, until Ctrl-C. What is up stays up. docs/watch.md says more.",
		Example: "  gocompose watch\n  gocompose watch --no-up web",
		RunE: func(c *cobra.Command, services []string) error {
			if a.globals.dryRun {
				return usage("watching cannot be shown beforehand: leave --dry-run out")
			}
			if err := f.complete(a, c); err != nil {
				return err
			}
			return a.watch(c.Context(), f, noUp, services)
		},
	}
	fs := c.Flags()
	fs.BoolVar(&noUp, "no-up", false, "Do not build & start services before watching")
	fs.BoolVar(&prune, "prune", true, "Prune dangling images on rebuild: an image that loses its name is gone with its last container in any case")
	fs.BoolVar(&f.building.quiet, "quiet", false, "hide build output")
	return c
}

func (a *app) watch(ctx context.Context, f upFlags, noUp bool, services []string) error {
	p, err := a.load(ctx, services, func(o *loader.Options) {
		o.Watch = true
		f.trust.load(o)
		if noUp {
			o.Existing = true
		} else {
			o.Warn = nil // up warns
		}
	})
	if err != nil {
		return err
	}
	if noUp { // up asks itself
		if err := a.trusts(ctx, change{provides: true, instead: "if it may, say so with `gocompose up --watch --yes`"}, p); err != nil {
			return err
		}
	}
	w, err := a.newWatching(p)
	if err != nil {
		return err
	}
	defer w.lock.Unlock()
	if !noUp {
		if err := a.upDetached(ctx, f, upMode{detach: true}, services); err != nil {
			return err
		}
	}
	h, err := a.openExisting(ctx)
	if err != nil {
		return err
	}
	if h == nil {
		return errors.New("nothing was ever started here: leave --no-up out, or use `gocompose up` first")
	}
	defer h.Close()
	w.watchSetting = watchSetting{host: h, out: a.Out, asked: f}
	if err := w.run(ctx); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// watched is how files are loaded for up with --watch.
func (m upMode) watched(load func(*loader.Options)) func(*loader.Options) {
	if !m.watch {
		return load
	}
	return func(o *loader.Options) {
		load(o)
		o.Watch = true
	}
}

// watching is what goes on while files are watched.
type watching struct {
	app *app
	watchSetting
	project *project.Project
	rules   *watch.Rules
	lock    *flock.Lock

	mu sync.Mutex // of out
}

// watchSetting is where watching goes on.
type watchSetting struct {
	host    *host.Host
	out     io.Writer
	console *view.Console // nil: nothing else is shown meanwhile
	asked   upFlags       // what was asked for when the services were brought up
}

// newWatching says what is not watched, and locks the project for this. The
// caller unlocks it.
func (a *app) newWatching(p *project.Project) (*watching, error) {
	rules, skipped, err := watch.New(p.Services, watch.Host{})
	if err != nil {
		return nil, err
	}
	for _, s := range skipped {
		a.warn(fmt.Sprintf("service %s: %s is not watched: %s", s.Service, s.Path, s.Why))
	}
	if rules.Empty() && len(skipped) == 0 {
		return nil, errors.New("none of the selected services is configured for watch: give one a develop section")
	}
	where, err := a.paths()
	if err != nil {
		return nil, err
	}
	lock, err := host.LockWatch(where, p.Name)
	return &watching{app: a, project: p, rules: rules, lock: lock}, err
}

// run watches until ctx ends, which is no error.
func (w *watching) run(ctx context.Context) error {
	files, err := watch.Watch(w.rules)
	if err != nil {
		return err
	}
	w.say("Watch enabled")
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return files.Run(ctx) })
	group.Go(func() error {
		// Also when it goes on for long, what happens meanwhile is taken in.
		paths := queued(ctx, files.Paths())
		if err := w.initial(ctx, files); err != nil {
			return err
		}
		watch.Loop(ctx, paths, time.After, func(paths []string) {
			for _, due := range w.rules.Batch(paths) {
				w.act(ctx, due)
			}
		})
		return nil
	})
	return group.Wait()
}

// queued takes in what comes, whether it is asked for or not.
func queued(ctx context.Context, in <-chan []string) <-chan []string {
	out := make(chan []string)
	go func() {
		defer close(out)
		var pending []string
		for {
			var to chan<- []string
			if len(pending) > 0 {
				to = out
			}
			select {
			case more, ok := <-in:
				if !ok {
					return
				}
				pending = append(pending, more...)
			case to <- pending:
				pending = nil
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// initial copies what is newer than the images.
func (w *watching) initial(ctx context.Context, files *watch.Files) error {
	all, err := files.Existing()
	if err != nil {
		return err
	}
	made := map[string]time.Time{}
	for _, s := range w.project.Services {
		if len(s.Watch) == 0 {
			continue
		}
		img, err := w.host.Images().For(s.Template.Platform).Get(ctx, s.Template.Image)
		if err != nil {
			return err
		}
		made[s.Name] = img.CreatedAt
	}
	for _, due := range w.rules.Initial(all, func(service, path string) bool {
		info, err := os.Lstat(path)
		return err == nil && info.ModTime().After(made[service])
	}) {
		w.act(ctx, due)
	}
	return nil
}

// act does what is due. What goes wrong is told, and watching goes on.
func (w *watching) act(ctx context.Context, due watch.Due) {
	if due.Rebuild {
		err := w.rebuild(ctx, due)
		if err != nil && ctx.Err() == nil {
			w.app.warn(fmt.Sprintf("service %s: %v", due.Service, err))
		}
		return
	}
	err := w.sync(ctx, due)
	if err == nil && due.Restart {
		again := toExisting("restart", planner.Restart, planner.Options{Nonce: nonce(), Selected: []string{due.Service}})
		again.load, again.contents, again.console = existingWithContents, w.app.lostContents, w.console
		if err = w.app.changeProject(ctx, w.host, again, w.project.Name, nil); err == nil {
			w.say(fmt.Sprintf("service(s) [%q] restarted", due.Service))
		}
	}
	if err != nil && ctx.Err() == nil {
		w.app.warn(fmt.Sprintf("service %s: %v", due.Service, err))
	}
}

// rebuild builds the image of a service anew, and replaces its containers where it has
// become another one. Other services are left alone.
func (w *watching) rebuild(ctx context.Context, due watch.Due) error {
	w.say(fmt.Sprintf("Rebuilding service(s) [%q] after changes were detected...", due.Service))
	f := w.rebuilding()
	c, err := f.change([]string{due.Service})
	if err != nil {
		return err
	}
	c.load, c.console = w.app.storing(c.load), w.console
	name, p, err := w.app.wanted(ctx, c)
	if err != nil {
		return err
	}
	if err := w.app.changeProject(ctx, w.host, c, name, p); err != nil {
		return err
	}
	w.say(fmt.Sprintf("service(s) [%q] successfully built", due.Service))
	return nil
}

// rebuilding is how an image is built anew. How many containers there are, and which images
// may be used, is as when they were brought up.
func (w *watching) rebuilding() upFlags {
	return upFlags{
		noDeps: true, ignoreOrphans: true, redefined: refuseRedefined,
		building: buildWishes{build: true, quiet: w.asked.building.quiet},
		scale:    w.asked.scale, trust: w.asked.trust, grace: w.asked.grace,
	}
}

// sync copies into all containers of the service that run, and runs what is to
// run there then.
func (w *watching) sync(ctx context.Context, due watch.Due) error {
	if len(due.Sync) == 0 {
		return nil
	}
	infos, err := w.host.Containers(ctx, w.project.Name)
	if err != nil {
		return err
	}
	w.say(fmt.Sprintf("Syncing service %q after %d changes were detected", due.Service, due.Changes))
	var errs []error
	for _, i := range infos {
		if i.Spec.Service != due.Service || i.Spec.OneOff() || !i.Running() {
			continue
		}
		if err := w.syncOne(ctx, i, due); err != nil {
			errs = append(errs, fmt.Errorf("container %s: %w", i.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (w *watching) syncOne(ctx context.Context, i host.Info, due watch.Due) error {
	if err := w.host.Sync(ctx, i.ID, due.Sync); err != nil {
		return err
	}
	name := displayName(i.Name, i.Spec.Project)
	for _, hook := range due.Exec {
		if err := w.host.Watched(ctx, i.ID, hook, func(line string) { w.say(name + " -> | " + line) }); err != nil {
			return err
		}
	}
	return nil
}

func (w *watching) say(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintln(w.out, strings.TrimRight(line, "\n"))
}
