package cmd

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// app is one run of the program.
type app struct {
	Streams
	version string
	globals globals
}

// globals are the flags before the command's name.
type globals struct {
	files, profiles, envFiles    []string
	projectName, projectDir      string
	progress, ansi, address      string
	dryRun, allResources, compat bool
	parallel                     int
	workdir                      string
}

func (a *app) root() *cobra.Command {
	g := &a.globals
	var version bool
	root := &cobra.Command{
		Use:   "gocompose [OPTIONS] COMMAND",
		Short: "Run multi-container applications on containerd",
		Long: "gocompose brings the services of a Compose file up on containerd, without a Docker daemon.\n\n" +
			"It looks for compose.yaml, compose.yml, docker-compose.yaml or docker-compose.yml here and in\n" +
			"the folders above. `gocompose plan` shows what `up` would do, and why.",
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
		PersistentPreRunE: func(*cobra.Command, []string) error { return g.check() },
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })

	f := root.Flags()
	f.SetInterspersed(false)
	f.StringArrayVarP(&g.files, "file", "f", nil, "Compose configuration files")
	f.StringVarP(&g.projectName, "project-name", "p", "", "Project name")
	f.StringArrayVar(&g.profiles, "profile", nil, "Specify a profile to enable")
	f.StringArrayVar(&g.envFiles, "env-file", nil, "Specify an alternate environment file")
	f.StringVar(&g.projectDir, "project-directory", "", "Specify an alternate working directory (default: the path of the, first specified, Compose file)")
	f.StringVar(&g.workdir, "workdir", "", "The old name of --project-directory")
	f.StringVar(&g.progress, "progress", os.Getenv("COMPOSE_PROGRESS"), "Set type of progress output (auto, tty, plain, json, quiet)")
	f.StringVar(&g.ansi, "ansi", envOr("COMPOSE_ANSI", "auto"), `Control when to print ANSI control characters ("never"|"always"|"auto")`)
	f.BoolVar(&g.dryRun, "dry-run", false, "Show what would be done, and do nothing")
	f.BoolVar(&g.allResources, "all-resources", false, "Include all resources, even those not used by services")
	f.BoolVar(&g.compat, "compatibility", false, "Name containers with _ instead of -")
	f.IntVar(&g.parallel, "parallel", -1, "Control max parallelism, -1 for unlimited")
	f.StringVar(&g.address, "address", os.Getenv("CONTAINERD_ADDRESS"), "Use the containerd at this address instead of gocompose's own")
	f.BoolVarP(&version, "version", "v", false, "Show the gocompose version information")
	for _, hidden := range []string{"version", "workdir"} {
		_ = f.MarkHidden(hidden) // fails for unknown names only
	}

	root.AddCommand(
		a.upCommand(), a.downCommand(), a.startCommand(), a.stopCommand(), a.psCommand(), a.logsCommand(),
		a.planCommand(), a.configCommand(), a.imageCommand(), a.versionCommand(), a.systemCommand(), a.supervisorCommand(),
	)
	return root
}

// check completes the global flags from the environment and refuses values
// that mean nothing.
func (g *globals) check() error {
	if g.projectDir == "" {
		g.projectDir = g.workdir
	}
	modes := []string{"", "auto", "tty", "plain", "json", "quiet"}
	if !slices.Contains(modes, g.progress) {
		return usage("unsupported --progress value %q: %s", g.progress, strings.Join(modes[1:], ", "))
	}
	if !slices.Contains([]string{"never", "always", "auto"}, g.ansi) {
		return usage("unsupported --ansi value %q: never, always, auto", g.ansi)
	}
	if v := os.Getenv("COMPOSE_PARALLEL_LIMIT"); v != "" && g.parallel == -1 {
		n, err := strconv.Atoi(v)
		if err != nil {
			return usage("COMPOSE_PARALLEL_LIMIT is %q, which is no number", v)
		}
		g.parallel = n
	}
	if g.parallel == 0 || g.parallel < -1 {
		return usage("--parallel is %d: a number of steps, or -1 for no limit", g.parallel)
	}
	return nil
}

func envOr(name, def string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return def
}

// envBool reads a variable as docker compose does: 1 and true are yes.
func envBool(name string) bool {
	v, err := strconv.ParseBool(os.Getenv(name))
	return err == nil && v
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%q takes no arguments, got %q", c.CommandPath(), args)
	}
	return nil
}

func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return usage("%s", text)
}
