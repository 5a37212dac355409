package cmd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/view"
)

// change is one command that changes something: what it wants, and how a plan
// is made of that. All of them go through app.change.
type change struct {
	// title is what the progress display says is going on: "up", "down".
	title string
	// services are those named on the command line.
	services []string
	// load adjusts how the Compose files are loaded.
	load func(*loader.Options)
	// fileless: without Compose files the command goes by what is there.
	fileless bool
	// removes: networks and volumes may go, which others may be using.
	removes bool
	// hide are operations whose progress is not shown; nil: none.
	hide func(planner.Op) bool
	plan func(*project.Project, planner.Observed) (*planner.Plan, error)
	// observe looks for what plan goes by; nil: for all there is of the project.
	observe func(context.Context, *host.Host, *project.Project) (planner.Observed, error)
	// contents finds, without Compose files, what is in secrets and configs that
	// have been lost; nil: they are not needed.
	contents func(context.Context, *host.Host, string) (project.Contents, error)
	// builds say how images that are built are shown.
	builds builds
	// pull says which images are fetched before the plan is made; nil: none are, and
	// nothing is looked at for it.
	pull *planner.Options
	// uses: images of the services are made or sent, so nobody else is to take them away
	// meanwhile. Where they are fetched for containers that goes without saying.
	uses bool
	// provides: containers are made, and providers brought up before the plan is made, which
	// goes by given, the variables that each has set.
	provides bool
	given    map[string]map[string]string
	// runsProviders: the plan may run the programs of providers.
	runsProviders bool
	// ask asks what may have to be asked about the project, before it is locked; nil:
	// nothing is.
	ask func(*project.Project) error
	// agree is asked about what would be done now, while nobody is locked out of the
	// project: plan, which is called once more then, has to keep to what was agreed
	// on. Nil: nobody is asked.
	agree func(*planner.Plan) (bool, error)
	// yes: what files from elsewhere ask for is granted; instead says what to do where nobody
	// can be asked about it, if it is not to give --yes.
	yes     bool
	instead string
	// confirm is asked whether to carry the plan out, while the project is
	// locked: what it is shown is what is done. Nil: yes.
	confirm func(*planner.Plan) (bool, error)
	// patience is how long containers are waited for; 0: as long as it takes.
	patience time.Duration
	// provided is told what providers set, from any goroutine; nil: nobody is.
	provided func(service string, variables map[string]string)
	// events is told of all that happens; nil: nobody is.
	events func(executor.Event)
	// images: images may go, so those of the project are looked for, also where only
	// what is there says which these are.
	images bool
	// console is where lines are printed meanwhile; nil: none are.
	console *view.Console
	// made makes the project, in place of Compose files.
	made func() (*project.Project, error)
	// last is the operation with which nothing is shown any more, and started is
	// called when it has succeeded; nil: there is none.
	last    func(planner.Op) bool
	started func()
}

// change loads, locks, observes, plans, and has the plan carried out: the one
// path of all commands that change anything.
func (a *app) change(ctx context.Context, c change) error {
	if a.globals.dryRun {
		return a.dryRun(ctx, c)
	}
	c.load = a.storing(c.load)
	name, p, err := a.wanted(ctx, c)
	if err != nil {
		return err
	}
	if err := a.trusts(ctx, c, p); err != nil {
		return err
	}
	h, err := a.openFor(ctx, c, name, p)
	if h == nil || err != nil {
		return err
	}
	defer h.Close()
	if c.ask != nil && p != nil {
		if err := c.ask(p); err != nil {
			return err
		}
	}
	if c.agree != nil {
		plan, err := a.plan(ctx, h, c, name, p)
		if err != nil {
			return err
		}
		if yes, err := c.agree(plan); !yes || err != nil {
			return err
		}
	}
	return a.changeProject(ctx, h, c, name, p)
}

// changeProject makes the change to the project called name; p is nil when there
// are no files to go by.
func (a *app) changeProject(ctx context.Context, h *host.Host, c change, name string, p *project.Project) (err error) {
	where, err := a.paths()
	if err != nil {
		return err
	}
	lock, err := host.LockProject(ctx, where, name, func() {
		a.warn(fmt.Sprintf("another command is changing project %s: waiting for it to end", name))
	})
	if err != nil {
		return err
	}
	defer lock.Unlock()
	defer func() { err = errors.Join(err, h.LeaveBuilder()) }() // who goes on, as up does, builds no more
	h = h.WithTrust(p)
	if (c.pull != nil || c.uses) && p != nil {
		done, nerr := host.NeedImages(where, p)
		if nerr != nil {
			return nerr
		}
		defer func() { err = errors.Join(err, done()) }()
	}
	if err := h.Sweep(ctx); err != nil {
		return err
	}
	if c.given, err = a.bringProviders(ctx, h, c, p); err != nil {
		return err
	}
	due, err := c.due(ctx, h, p)
	if err != nil {
		return err
	}
	if h, err = c.withContents(ctx, h, name, p); err != nil {
		return err
	}
	if err := a.carryDue(ctx, h, c, due); err != nil {
		return err
	}
	plan, err := a.plan(ctx, h, c, name, p)
	if err != nil {
		return err
	}
	if yes, err := c.confirmed(plan); !yes || err != nil {
		return err
	}
	return a.apply(ctx, h, plan, c)
}

// withContents returns the host with what it may have to put into containers.
func (c change) withContents(ctx context.Context, h *host.Host, name string, p *project.Project) (*host.Host, error) {
	switch {
	case p != nil:
		return h.WithContents(p.Contents), nil
	case c.contents != nil:
		found, err := c.contents(ctx, h, name)
		return h.WithContents(found), err
	}
	return h, nil
}

// dryRun shows what c would do. Like plan it changes nothing, waits for nobody,
// and starts no engine where none ever ran.
func (a *app) dryRun(ctx context.Context, c change) error {
	plan, err := a.planOnly(ctx, c)
	if err != nil {
		return err
	}
	a.notices(plan)
	a.tellPlan(plan)
	w, opt := a.progress(c)
	return view.DryRun(w, plan, opt)
}

func pulls(op planner.Op) bool { return op.Verb() == planner.VerbPull }

// due is the plan of what is fetched before; h is nil where no engine ever ran.
func (c change) due(ctx context.Context, h *host.Host, p *project.Project) (*planner.Plan, error) {
	if c.pull == nil || p == nil || !planner.Refreshes(p, *c.pull) {
		return &planner.Plan{}, nil
	}
	var obs planner.Observed
	if h != nil {
		var err error
		if obs, err = h.ObserveImages(ctx, p); err != nil {
			return nil, err
		}
	}
	return planner.Refresh(p, obs, *c.pull)
}

// openFor returns the host for c. Where no engine ever ran and c has nothing to
// do about that, it says so and returns nil.
func (a *app) openFor(ctx context.Context, c change, name string, p *project.Project) (*host.Host, error) {
	h, err := a.openExisting(ctx)
	if h != nil || err != nil {
		return h, err
	}
	plan, err := c.plan(orEmpty(p, name), planner.Observed{})
	if err != nil {
		return nil, err
	}
	if plan.Empty() && !c.brings(p) {
		a.notices(plan)
		if c.agree != nil {
			_, err = c.agree(plan)
			return nil, err
		}
		_, err := c.confirmed(plan)
		return nil, err
	}
	return a.openHost(ctx)
}

func (c change) confirmed(plan *planner.Plan) (bool, error) {
	if c.confirm == nil {
		return true, nil
	}
	return c.confirm(plan)
}

// wanted returns the project that the files describe. Commands that can do
// without get no project and its name.
func (a *app) wanted(ctx context.Context, c change) (string, *project.Project, error) {
	if c.made != nil {
		p, err := c.made()
		if err != nil {
			return "", nil, err
		}
		return p.Name, p, nil
	}
	p, err := a.load(ctx, c.services, c.load)
	if err == nil {
		return p.Name, p, nil
	}
	if !c.fileless || !errors.Is(err, loader.ErrNoFile) {
		return "", nil, err
	}
	opt, oerr := a.loadOptions()
	if oerr != nil {
		return "", nil, oerr
	}
	name, nerr := loader.ProjectName(ctx, opt)
	if nerr != nil {
		return "", nil, err // that there is no file is what the user can mend
	}
	return name, nil, nil
}

// plan observes and decides.
func (a *app) plan(ctx context.Context, h *host.Host, c change, name string, p *project.Project) (*planner.Plan, error) {
	obs, err := c.observed(ctx, h, name, p)
	if err != nil {
		return nil, err
	}
	if c.removes || p != nil && planner.Displaces(p, obs) {
		if obs.Used, err = h.Used(ctx, name); err != nil {
			return nil, err
		}
	}
	if c.images {
		if obs.Built, err = h.BuiltImages(ctx, name); err != nil {
			return nil, err
		}
	}
	if p == nil {
		p = planner.FromObserved(name, obs)
		if c.images {
			found, err := h.ObserveImages(ctx, p)
			if err != nil {
				return nil, err
			}
			obs.Images = found.Images
		}
	}
	if c.provides {
		p = planner.Provided(p, obs, c.given)
	}
	return c.plan(p, obs)
}

func (c change) observed(ctx context.Context, h *host.Host, name string, p *project.Project) (planner.Observed, error) {
	if c.observe != nil {
		return c.observe(ctx, h, p)
	}
	return h.Observe(ctx, name, p)
}

func (a *app) notices(plan *planner.Plan) {
	for _, n := range plan.Notices {
		a.warn(n.Text)
	}
}

func (a *app) openHost(ctx context.Context) (*host.Host, error) {
	cfg, err := a.hostConfig()
	if err != nil {
		return nil, err
	}
	return host.Open(ctx, cfg)
}

func (a *app) hostConfig() (host.Config, error) {
	where, err := a.paths()
	if err != nil {
		return host.Config{}, err
	}
	program, err := os.Executable()
	if err != nil {
		return host.Config{}, err
	}
	return host.Config{Paths: where, Address: a.globals.address, Program: program, Version: a.version, Repositories: a.repositories(),
		External: externalFolders()}, nil
}

// nonce marks the containers of one run. It is made of letters and digits.
func nonce() string { return rand.Text()[:10] }
