package cmd

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/provider"
)

// upFlags are the flags that say what up wants; plan has them too.
type upFlags struct {
	forceRecreate, noRecreate bool
	removeOrphans, noStart    bool
	ignoreOrphans, quietPull  bool
	noDeps, renewVolumes      bool
	recreateDeps, wait        bool
	pull                      string // when images are pulled; empty: by the services' policies
	scale                     []string
	timeout                   int
	grace                     *time.Duration // made of timeout
	yes, shows                bool           // nothing is asked; nothing is done
	redefined                 redefinedVolumes
	ask                       func(*project.Project) error
	building                  buildWishes
	trust                     trustFlags
}

func (f *upFlags) add(c *cobra.Command) {
	fs := c.Flags()
	fs.BoolVar(&f.forceRecreate, "force-recreate", false, "Recreate containers even if their configuration and image haven't changed")
	fs.BoolVar(&f.noRecreate, "no-recreate", false, "If containers already exist, don't recreate them. Incompatible with --force-recreate")
	fs.BoolVar(&f.recreateDeps, "always-recreate-deps", false, "Recreate dependent containers. Incompatible with --no-recreate")
	fs.BoolVar(&f.removeOrphans, "remove-orphans", false, "Remove containers for services not defined in the Compose file")
	fs.BoolVar(&f.noStart, "no-start", false, "Don't start the services after creating them")
	fs.BoolVar(&f.noDeps, "no-deps", false, "Don't start linked services")
	fs.BoolVarP(&f.renewVolumes, "renew-anon-volumes", "V", false, "Recreate anonymous volumes instead of retrieving data from the previous containers")
	fs.StringArrayVar(&f.scale, "scale", nil, "Scale SERVICE to NUM instances. Overrides the scale setting in the Compose file if present")
	f.trust.add(fs)
	f.building.add(fs)
	f.building.addNoBuild(fs)
	fs.IntVarP(&f.timeout, "timeout", "t", 0, "Use this timeout in seconds for container shutdown when containers are already running")
}

// complete takes what the environment says and refuses what does not go together.
func (f *upFlags) complete(a *app, c *cobra.Command) error {
	var err error
	if f.grace, err = grace(c, f.timeout); err != nil {
		return err
	}
	f.trust.complete(a, c.Flags())
	f.removeOrphans = a.removeOrphans(c, f.removeOrphans)
	f.ignoreOrphans = a.envBool("COMPOSE_IGNORE_ORPHANS")
	_, validPull := pullPolicies()[f.pull]
	f.redefined = a.redefinedVolumes(c.Context(), f.yes || f.shows || a.globals.dryRun)
	f.ask = a.askAboutVolumes(c.Context(), f.redefined)
	switch {
	case f.forceRecreate && f.noRecreate:
		return usage("--force-recreate and --no-recreate are incompatible")
	case f.noRecreate && f.renewVolumes:
		return usage("--no-recreate and --renew-anon-volumes are incompatible")
	case f.recreateDeps && f.noRecreate:
		return usage("--always-recreate-deps and --no-recreate are incompatible")
	case !validPull && f.pull != "":
		return usage("--pull is %q: want always, missing, never or build", f.pull)
	case f.removeOrphans && f.ignoreOrphans:
		return usage("cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans")
	}
	return f.building.check()
}

// removeOrphans returns the flag of that name, or else COMPOSE_REMOVE_ORPHANS.
func (a *app) removeOrphans(c *cobra.Command, flag bool) bool {
	if c.Flags().Changed("remove-orphans") {
		return flag
	}
	return a.envBool("COMPOSE_REMOVE_ORPHANS")
}

func (f *upFlags) recreate() planner.RecreatePolicy {
	switch {
	case f.noRecreate:
		return planner.RecreateNever
	case f.forceRecreate && f.recreateDeps:
		return planner.RecreateAll
	case f.forceRecreate:
		return planner.RecreateSelected
	case f.recreateDeps:
		return planner.RecreateDependencies
	default:
		return planner.RecreateChanged
	}
}

// change returns what up with these flags and services is.
func (f *upFlags) change(services []string) (change, error) {
	scale, err := parseScale(f.scale)
	if err != nil {
		return change{}, err
	}
	opt := planner.Options{
		Nonce:          nonce(),
		RemoveOrphans:  f.removeOrphans,
		IgnoreOrphans:  f.ignoreOrphans,
		NoStart:        f.noStart,
		RenewAnonymous: f.renewVolumes,
		Recreate:       f.recreate(),
		Selected:       services,
		Timeout:        f.grace,
		Wait:           f.wait,
		Now:            time.Now(),
		Build:          f.building.policy(),
	}
	if f.pull != "" {
		opt.Pull = &project.PullPolicy{When: pullPolicies()[f.pull], Written: f.pull}
	}
	return change{
		title:    "up",
		services: services,
		hide:     f.hidden,
		builds:   f.building.shown(),
		load: func(o *loader.Options) {
			o.Scale = scale
			o.NoDeps = f.noDeps
			o.FindProvider = provider.Find
			f.trust.load(o)
		},
		plan: func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
			if len(p.Services)+len(p.Providers) == 0 {
				return nil, errNothingSelected(p)
			}
			var err error
			if opt.Redefined, err = f.redefined(p, obs); err != nil {
				return nil, err
			}
			return planner.Up(p, obs, opt)
		},
		ask:      f.ask,
		pull:     &opt,
		provides: true,
		yes:      f.yes,
	}, nil
}

// pullPolicies are the values of --pull, which goes before the services' own.
func pullPolicies() map[string]project.PullTime {
	return map[string]project.PullTime{
		"always": project.PullAlways, "missing": project.PullMissing, "if_not_present": project.PullMissing,
		"never": project.PullNever, "build": project.PullBuild,
	}
}

func errNothingSelected(p *project.Project) error {
	if len(p.Known) > 0 {
		return errors.New("no service selected: each has a profile that is not enabled; use --profile, or name services")
	}
	return errors.New("no service selected: the compose file has none")
}

// hidden are operations whose progress is not to be seen.
func (f *upFlags) hidden(op planner.Op) bool {
	return f.quietPull && pulls(op)
}

// grace returns the value of --timeout, or nil when it is not given.
func grace(c *cobra.Command, seconds int) (*time.Duration, error) {
	if !c.Flags().Changed("timeout") {
		return nil, nil
	}
	if seconds < 0 {
		return nil, usage("--timeout is %d: a number of seconds, 0 for none", seconds)
	}
	d := time.Duration(seconds) * time.Second
	return &d, nil
}

func parseScale(args []string) (map[string]int, error) {
	scale := map[string]int{}
	for _, arg := range args {
		service, num, ok := strings.Cut(arg, "=")
		n, err := strconv.Atoi(num)
		if !ok || service == "" || err != nil || n < 0 {
			return nil, usage("invalid --scale %q: SERVICE=NUM, as in web=3", arg)
		}
		scale[service] = n
	}
	return scale, nil
}

func (a *app) upCommand() *cobra.Command {
	var f upFlags
	var m upMode
	c := &cobra.Command{
		Use:   "up [OPTIONS] [SERVICE...]",
		Short: "Create and start containers",
		Long: "Creates what the Compose file asks for and is not there: networks, volumes, containers; replaces\n" +
			"containers whose specification or image has changed; starts what does not run. `gocompose plan` shows\n" +
			"beforehand what that is, and why.\n\n" +
			"Without -d it goes on in the foreground and shows what the containers print, until all have ended. Ctrl-C stops\n" +
			"them, a second one kills them; they are not removed. With --watch files that change are copied into the containers\n" +
			"meanwhile, as `gocompose watch` does. With --menu, on a terminal, d leaves them running, and w begins or ends watching.",
		Example: "gocompose up -d --wait\n" +
			"gocompose up --exit-code-from tests --no-log-prefix tests\n" +
			"gocompose up -d --scale worker=3 --remove-orphans",
		RunE: func(c *cobra.Command, services []string) error {
			if err := f.complete(a, c); err != nil {
				return err
			}
			if m.menuAsked = m.menu; !c.Flags().Changed("menu") {
				m.menu = a.envBool("COMPOSE_MENU")
			}
			if err := m.complete(f.noStart); err != nil {
				return err
			}
			if m.detach || a.globals.dryRun {
				return a.upDetached(c.Context(), f, m, services)
			}
			return a.upAttached(c.Context(), f, m, services)
		},
	}
	f.add(c)
	m.add(c)
	fs := c.Flags()
	fs.StringVar(&f.pull, "pull", "", `Pull image before running ("always"|"missing"|"never"|"build")`)
	fs.BoolVar(&f.quietPull, "quiet-pull", false, "Pull without printing progress information")
	f.building.addQuiet(fs)
	fs.BoolVarP(&f.yes, "yes", "y", false, yesUsage)
	return c
}
