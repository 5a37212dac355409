package cmd

import (
	"cmp"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/remote"
)

// app is one run of the program.
type app struct {
	Streams
	version string
	globals globals
	// again brings the user's second wish to end the program to a command that
	// listens; nil: nobody has one.
	again <-chan struct{}
	// signalled has the signals that are for a process, and not for the program.
	signalled *signalled
	// warnings is where they are written while something is shown on the terminal;
	// nil: to Err.
	warnings io.Writer
	// remote fetches files that are elsewhere; nil: none was asked for yet.
	remote *remote.Files
	// composeEnv are the COMPOSE_* variables of the project's env files.
	composeEnv map[string]string
}

// globals are the flags before the command's name.
type globals struct {
	files, profiles, envFiles    []string
	projectName, projectDir      string
	progress, ansi, address      string
	dryRun, allResources, compat bool
	noANSI, verbose              bool
	parallel                     int
	workdir                      string
}

func (a *app) root() *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "gocompose [OPTIONS] COMMAND",
		Short: "Run multi-container applications on containerd",
		Long: "gocompose brings the services of a Compose file up on containerd, without a Docker daemon.\n\n" +
			"It looks for compose.yaml, compose.yml, docker-compose.yaml or docker-compose.yml here and in\n" +
			"the folders above. `gocompose plan` shows what `up` would do, and why.",
		Example: "gocompose up -d\ngocompose -f compose.yaml -f production.yaml plan\n" +
			"gocompose -f oci://registry.example.com/shop:1.0 up -d\ngocompose -p shop ps",
		SilenceErrors:     true,
		SilenceUsage:      true,
		TraverseChildren:  true,
		DisableAutoGenTag: true,
		Args:              knownCommand,
		RunE: func(c *cobra.Command, _ []string) error {
			if version {
				return a.printVersion("", false)
			}
			return c.Help()
		},
		PersistentPreRunE: a.prepare,
	}
	root.SetFlagErrorFunc(flagError)
	setHelp(root)

	a.addGlobals(root)
	root.Flags().BoolVarP(&version, "version", "v", false, "Show the gocompose version information")
	hide(root, "version")

	root.AddCommand(
		a.upCommand(), a.downCommand(), a.createCommand(), a.startCommand(), a.stopCommand(), a.restartCommand(),
		a.killCommand(), a.pauseCommand(), a.unpauseCommand(), a.rmCommand(), a.scaleCommand(), a.waitCommand(),
		a.runCommand(), a.execCommand(), a.attachCommand(), a.buildCommand(), a.pullCommand(), a.pushCommand(), a.publishCommand(),
		a.psCommand(), a.lsCommand(), a.imagesCommand(), a.portCommand(), a.inspectCommand(), a.logsCommand(), a.planCommand(),
		a.configCommand(), a.lockCommand(), a.graphCommand("graph"), a.alphaCommand(), a.topCommand(), a.statsCommand(), a.eventsCommand(),
		a.loginCommand(), a.logoutCommand(), a.watchCommand(), a.cpCommand(), a.exportCommand(), a.commitCommand(),
		a.builderCommand(), a.containerCommand(), a.imageCommand(), a.networkCommand(), a.volumeCommand(), a.volumesCommand(),
		a.versionCommand(), a.systemCommand(), a.completionCommand(), a.manCommand(), a.supervisorCommand(),
	)
	refuseUnknownTopics(root)
	quietUseLines(root)
	return root
}

// addGlobals adds the flags before the command's name. As in docker compose,
// only --dry-run may stand after it too.
func (a *app) addGlobals(root *cobra.Command) {
	g := &a.globals
	f := root.Flags()
	f.SetInterspersed(false)
	f.StringArrayVarP(&g.files, "file", "f", nil, "Compose configuration files")
	f.StringVarP(&g.projectName, "project-name", "p", "", "Project name")
	f.StringArrayVar(&g.profiles, "profile", nil, "Specify a profile to enable")
	f.StringArrayVar(&g.envFiles, "env-file", nil, "Specify an alternate environment file")
	f.StringVar(&g.projectDir, "project-directory", "", "Specify an alternate working directory (default: the path of the, first specified, Compose file)")
	f.StringVar(&g.workdir, "workdir", "", "The old name of --project-directory")
	f.StringVar(&g.progress, "progress", "", "Set type of progress output (auto, tty, plain, json, quiet)")
	f.StringVar(&g.ansi, "ansi", "auto", `Control when to print ANSI control characters ("never"|"always"|"auto")`)
	f.BoolVar(&g.noANSI, "no-ansi", false, "The old name of --ansi never")
	f.BoolVar(&g.verbose, "verbose", false, "Say which files are read, and what is done for which reason")
	f.BoolVar(&g.allResources, "all-resources", false, "Include all resources, even those not used by services")
	f.BoolVar(&g.compat, "compatibility", false, "Run compose in backward compatibility mode: containers are named project_service_1")
	f.IntVar(&g.parallel, "parallel", -1, "Control max parallelism, -1 for unlimited")
	f.StringVar(&g.address, "address", "", "Use the containerd at this address instead of gocompose's own (CONTAINERD_ADDRESS)")
	root.PersistentFlags().BoolVar(&g.dryRun, "dry-run", false, "Show what would be done, and do nothing")
	hide(root, "workdir", "no-ansi", "verbose")
}

func hide(c *cobra.Command, flags ...string) {
	for _, name := range flags {
		_ = c.Flags().MarkHidden(name) // fails for unknown names only
	}
}

// prepare completes the global flags from the environment and refuses values
// that mean nothing.
func (a *app) prepare(c *cobra.Command, _ []string) error {
	g := &a.globals
	g.projectDir = cmp.Or(g.projectDir, g.workdir)
	a.readDotEnv(c.Context())
	set := c.Root().Flags().Changed
	g.address = cmp.Or(g.address, os.Getenv("CONTAINERD_ADDRESS"))
	g.progress = cmp.Or(g.progress, a.getenv("COMPOSE_PROGRESS"), "auto")
	if v := a.getenv("COMPOSE_ANSI"); v != "" && !set("ansi") {
		g.ansi = v
	}
	if g.noANSI {
		g.ansi = "never"
	}
	if v := a.getenv("COMPOSE_PARALLEL_LIMIT"); v != "" && !set("parallel") {
		n, err := strconv.Atoi(v)
		if err != nil {
			return usage("COMPOSE_PARALLEL_LIMIT is %q, which is no number", v)
		}
		g.parallel = n
	}
	if err := g.check(); err != nil {
		return err
	}
	a.warnOfElsewhere(c)
	return a.checkSwitches()
}

// modes are the values of --progress.
var modes = []string{"auto", "tty", "plain", "json", "quiet"}

func (g *globals) check() error {
	if !slices.Contains(modes, g.progress) {
		return usage("unsupported --progress value %q: %s", g.progress, strings.Join(modes, ", "))
	}
	if !slices.Contains([]string{"never", "always", "auto"}, g.ansi) {
		return usage("unsupported --ansi value %q: never, always, auto", g.ansi)
	}
	if g.parallel == 0 || g.parallel < -1 {
		return usage("--parallel is %d: a number of steps, or -1 for no limit", g.parallel)
	}
	return nil
}
