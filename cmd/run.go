package cmd

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/provider"
)

// runFlags are the flags of run.
type runFlags struct {
	want          loader.OneOff
	entrypoint    string
	image         string
	detach        bool
	interactive   bool
	noTTY, tty    bool
	noDeps        bool
	removeOrphans bool
	ignoreOrphans bool
	pull          string
	quiet         bool
	quietPull     bool
	building      buildWishes
	yes           bool
	trust         trustFlags

	nonce    string
	attached bool // to the container, until it ends
	terminal bool // it has one
}

func (f *runFlags) add(fs *pflag.FlagSet) {
	w := &f.want
	fs.BoolVarP(&f.detach, "detach", "d", false, "Run container in background and print container ID")
	fs.StringVar(&f.image, "image", "", "Run a container of this image, in a project of its own, without a Compose file")
	fs.BoolVar(&w.Temporary, "rm", false, "Automatically remove the container when it exits")
	fs.StringVar(&w.Name, "name", "", "Assign a name to the container")
	fs.StringVar(&f.entrypoint, "entrypoint", "", "Override the entrypoint of the image")
	fs.StringArrayVarP(&w.Env, "env", "e", nil, "Set environment variables")
	fs.StringArrayVar(&w.EnvFiles, "env-from-file", nil, "Set environment variables from file")
	fs.StringArrayVarP(&w.Labels, "label", "l", nil, "Add or override a label")
	fs.StringVarP(&w.User, "user", "u", "", "Run as specified username or uid")
	fs.StringVarP(&w.WorkingDir, "workdir", "w", "", "Working directory inside the container")
	fs.StringArrayVar(&w.CapAdd, "cap-add", nil, "Add Linux capabilities")
	fs.StringArrayVar(&w.CapDrop, "cap-drop", nil, "Drop Linux capabilities")
	fs.StringArrayVarP(&w.Volumes, "volume", "v", nil, "Bind mount a volume")
	fs.StringArrayVarP(&w.Publish, "publish", "p", nil, "Publish a container's port(s) to the host")
	fs.BoolVarP(&w.ServicePorts, "service-ports", "P", false, "Run command with all service's ports enabled and mapped to the host")
	fs.BoolVar(&w.UseAliases, "use-aliases", false, "Use the service's network useAliases in the network(s) the container connects to")
	fs.BoolVarP(&f.interactive, "interactive", "i", true, "Keep STDIN open even if not attached")
	fs.BoolVarP(&f.noTTY, "no-tty", "T", false, "Disable pseudo-TTY allocation (default: auto-detected)")
	fs.BoolVarP(&f.tty, "tty", "t", true, "Allocate a pseudo-TTY")
	fs.BoolVar(&f.noDeps, "no-deps", false, "Don't start linked services")
	fs.BoolVar(&f.removeOrphans, "remove-orphans", false, "Remove containers for services not defined in the Compose file")
	fs.StringVar(&f.pull, "pull", "", `Pull image before running ("always"|"missing"|"never"|"build")`)
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Show nothing but what the command prints, and the ID with --detach")
	f.building.add(fs)
	f.building.addQuiet(fs)
	fs.BoolVar(&f.quietPull, "quiet-pull", false, "Pull without printing progress information")
	fs.BoolVarP(&f.yes, "yes", "y", false, yesUsage)
	f.trust.add(fs)
	fs.SetInterspersed(false) // what follows the service is the command's
	fs.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "no-TTY" { // docker compose's spelling
			name = "no-tty"
		}
		return pflag.NormalizedName(name)
	})
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [OPTIONS] SERVICE [COMMAND] [ARGS...]",
		Short: "Run a one-off command on a service",
		Long: "Runs a command in a new container of a service, and ends with its exit code. What the service depends on is started\n" +
			"before, as `gocompose up` would, and its conditions are waited for. The container is beside those of the service: it is\n" +
			"not started again when it ends, has none of the service's host ports unless -P or -p is given, and nobody reaches\n" +
			"it by the service's name unless --use-aliases is. Of a service with fixed addresses it has another one.\n\n" +
			"What the command prints is untouched on standard output; everything else is on standard error. The first Ctrl-C goes to\n" +
			"the command, the second kills it; at a terminal all keys go to it, and Ctrl-P Ctrl-Q leaves it running.\n\n" +
			"Without --rm the container stays when it has ended, until `gocompose down --remove-orphans`.\n\n" +
			"With --image no Compose file is needed: the container is all of a project that is called by --name, or else by the image,\n" +
			"and `gocompose -p NAME` works with it: logs, exec, stop, down.",
		Example: "  gocompose run --rm web sh\n" +
			"  echo 'select 1' | gocompose run --rm -T db psql -h db\n" +
			"  gocompose run --image redis:7 --name cache -d -p 6379:6379",
		RunE: func(c *cobra.Command, args []string) error {
			service, err := f.complete(a, c, args)
			if err != nil {
				return err
			}
			return a.runOneOff(c.Context(), f, service)
		},
	}
	f.add(c.Flags())
	hide(c, "tty")
	return c
}

// complete takes the service and the command from the arguments, draws conclusions, and
// refuses what does not go together.
func (f *runFlags) complete(a *app, c *cobra.Command, args []string) (service string, err error) {
	changed := c.Flags().Changed
	if f.image == "" {
		if len(args) == 0 {
			return "", usage("%q needs a SERVICE, or --image", c.CommandPath())
		}
		service, args = args[0], args[1:]
	}
	_, validPull := pullPolicies()[f.pull]
	f.trust.complete(a, c.Flags())
	f.removeOrphans = a.removeOrphans(c, f.removeOrphans)
	f.ignoreOrphans = a.envBool("COMPOSE_IGNORE_ORPHANS")
	switch {
	case changed("tty") && changed("no-tty"):
		return "", usage("--tty and --no-tty can't be used together")
	case len(f.want.Publish) > 0 && f.want.ServicePorts:
		return "", usage("--service-ports and --publish are incompatible")
	case f.pull != "" && !validPull:
		return "", usage("--pull is %q: want always, missing, never or build", f.pull)
	case f.removeOrphans && f.ignoreOrphans:
		return "", usage("cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans")
	}
	for _, flag := range []string{"no-deps", "service-ports", "use-aliases", "remove-orphans", "locked"} {
		if f.image != "" && changed(flag) {
			return "", usage("--%s is about a service of a Compose file, and there is none with --image", flag)
		}
	}
	if len(args) > 0 {
		f.want.Command = args
	}
	if changed("entrypoint") {
		f.want.Entrypoint = &f.entrypoint
	}
	f.want.Slug, f.nonce = slug(), nonce()
	f.attached = !f.detach
	f.streams(a, changed)
	if f.quiet {
		a.globals.progress = "quiet"
	}
	return service, nil
}

// streams decides what the container is connected with.
func (f *runFlags) streams(a *app, changed func(string) bool) {
	switch {
	case changed("no-tty"):
		f.terminal = !f.noTTY
	case changed("tty"):
		f.terminal = f.tty
	default:
		in, ok := a.In.(*os.File)
		f.terminal = f.attached && ok && term.IsTerminal(int(in.Fd())) && isTerminal(a.Out)
	}
	if f.attached || changed("tty") || changed("no-tty") {
		f.want.TTY = &f.terminal
	}
	if f.attached || changed("interactive") {
		f.want.Stdin = &f.interactive
	}
}

// slug tells one-offs apart.
func slug() string {
	var b [6]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// change is what is to be done for the container to run.
func (f *runFlags) change(a *app, service string) change {
	opt := planner.Options{
		Nonce:         f.nonce,
		RemoveOrphans: f.removeOrphans,
		IgnoreOrphans: f.ignoreOrphans,
		Selected:      []string{service},
		Build:         f.building.policy(),
		Now:           time.Now(),
	}
	if f.pull != "" {
		opt.Pull = &project.PullPolicy{When: pullPolicies()[f.pull], Written: f.pull}
	}
	c := change{
		title:    "run",
		services: []string{service},
		hide:     func(op planner.Op) bool { return f.quietPull && pulls(op) },
		load: func(o *loader.Options) {
			o.NoDeps, o.OneOff = f.noDeps, &f.want
			o.FindProvider = provider.Find
			f.trust.load(o)
		},
		plan: func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
			return planner.OneOff(p, obs, opt)
		},
		pull:     &opt,
		builds:   f.building.shown(),
		provides: true,
		yes:      f.yes,
	}
	if f.image != "" {
		opt.Selected = nil
		c.made = func() (*project.Project, error) { return f.ofImage(a) }
		c.plan = func(p *project.Project, obs planner.Observed) (*planner.Plan, error) {
			if len(obs.Containers)+len(obs.OneOffs) > 0 {
				return nil, fmt.Errorf("project %q has containers already: choose another --name, or take it away with `gocompose -p %[1]s down`", p.Name)
			}
			return planner.Up(p, obs, opt)
		}
	}
	return c
}

// ofImage makes the project of a container without a file: it is called by -p or
// --name, or else by the last word of the image and what makes it another one.
func (f *runFlags) ofImage(a *app) (*project.Project, error) {
	opt, err := a.loadOptions()
	if err != nil {
		return nil, err
	}
	opt.OneOff, opt.VerifyKey = &f.want, f.trust.verify
	word := f.image[strings.LastIndexByte(f.image, '/')+1:]
	word, _, _ = strings.Cut(word, "@")
	word, _, _ = strings.Cut(word, ":")
	opt.ProjectName = cmp.Or(opt.ProjectName, loader.NormalName(f.want.Name), loader.NormalName(word)+"-"+f.want.Slug[:6])
	f.want.Name = cmp.Or(f.want.Name, opt.ProjectName)
	return loader.OfImage(opt, f.image)
}

// runOneOff runs the container and, unless it is detached, waits for its end.
func (a *app) runOneOff(ctx context.Context, f runFlags, service string) (err error) {
	c := f.change(a, service)
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
	h, err := a.openHost(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	r := &oneOffRun{app: a, flags: f, host: h, project: name, id: planner.OneOffID(name, service, f.want.Slug)}
	if f.image != "" {
		r.id = planner.ContainerID(name, name, 1, f.nonce)
	}
	return r.run(ctx, c, p)
}
