package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/internal/systemd"
	"github.com/gocompose/gocompose/secrets/content"
)

func (a *app) systemInstallCommand() *cobra.Command {
	var printOnly bool
	c := &cobra.Command{
		Use:   "install [OPTIONS]",
		Short: "Have systemd bring containers back at boot",
		Long: "Writes and enables a systemd unit that runs `gocompose system start` at boot, and at shutdown stops all\n" +
			"containers in good order. The program, folders and engine of this command are the unit's: run it again when\n" +
			"they have moved. Containers that run go on.",
		Example: "gocompose system install",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if a.globals.dryRun {
				return usage("--dry-run: use --print to see the unit")
			}
			u, err := a.unit(c.Context())
			if err != nil {
				return err
			}
			if printOnly {
				_, err := fmt.Fprint(a.Out, u)
				return err
			}
			m := serviceManager(c)
			if err := m.Install(c.Context(), u); err != nil {
				return explainSystemd(err, "; what can be done without it: gocompose system start at each boot, or system install --print")
			}
			_, err = fmt.Fprintf(a.Out, "Installed %s: containers come back at boot\n", m.UnitFile())
			return err
		},
	}
	c.Flags().BoolVar(&printOnly, "print", false, "Print the unit, and do nothing")
	return c
}

func (a *app) systemUninstallCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "uninstall",
		Short:   "Take the systemd unit away",
		Long:    "Disables and removes the unit that `gocompose system install` has made. Containers that run go on.",
		Example: "gocompose system uninstall",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if a.globals.dryRun {
				return errNoDryRun()
			}
			u, err := a.unit(c.Context())
			if err != nil {
				return err
			}
			m := serviceManager(c)
			installed, err := m.Installed()
			if err != nil {
				return err
			}
			if !installed {
				_, err := fmt.Fprintf(a.Out, "Not installed: there is no %s\n", m.UnitFile())
				return err
			}
			if err := m.Uninstall(c.Context(), u); err != nil {
				return explainSystemd(err, "; remove "+m.UnitFile()+" by hand")
			}
			_, err = fmt.Fprintf(a.Out, "Removed %s\n", m.UnitFile())
			return err
		},
	}
}

func serviceManager(c *cobra.Command) systemd.Manager {
	return systemd.Manager{Root: c.Flag(systemdRoot).Value.String()}
}

func explainSystemd(err error, absent string) error {
	switch {
	case errors.Is(err, systemd.ErrAbsent):
		return fmt.Errorf("%w%s", err, absent)
	case errors.Is(err, fs.ErrPermission):
		return host.ErrNotRoot
	}
	return err
}

// unit is the systemd unit for the program, folders and engine of this command.
func (a *app) unit(ctx context.Context) (systemd.Unit, error) {
	cfg, err := a.hostConfig()
	if err != nil {
		return systemd.Unit{}, err
	}
	u := systemd.Unit{
		Program: cfg.Program,
		Address: cfg.Address,
		Folders: []string{cfg.Paths.Root, cfg.Paths.State},
	}
	path, err := searchPath(ctx, cfg)
	if err != nil {
		return systemd.Unit{}, err
	}
	secrets := cfg.External.Secrets[len(cfg.External.Secrets)-1] // behind those of systemd, which each unit has its own
	for _, v := range []struct{ name, value, usual string }{
		{"GOCOMPOSE_ROOT", cfg.Paths.Root, paths.DefaultRoot},
		{"GOCOMPOSE_STATE", cfg.Paths.State, paths.DefaultState},
		{"GOCOMPOSE_SECRETS", secrets, content.DefaultSecrets},
		{"GOCOMPOSE_CONFIGS", cfg.External.Configs[0], content.DefaultConfigs},
		{"GOCOMPOSE_NO_SYNC", a.getenv("GOCOMPOSE_NO_SYNC"), ""},
		{"PATH", path, systemdPath},
	} {
		if v.value != v.usual {
			u.Env = append(u.Env, v.name+"="+v.value)
		}
	}
	return u, nil
}

// systemdPath is where commands of units are looked for (systemd.exec(5), PATH).
const systemdPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// searchPath is systemd's with the folders before it in which the programs of
// the engine lie now. Beside our own they are found anyway.
func searchPath(ctx context.Context, cfg host.Config) (string, error) {
	programs, err := host.Programs(ctx, cfg)
	if err != nil {
		return "", err
	}
	known := append(strings.Split(systemdPath, ":"), filepath.Dir(cfg.Program), ".")
	var more []string
	for _, p := range programs {
		if dir := filepath.Dir(p.Path); !slices.Contains(known, dir) {
			more, known = append(more, dir), append(known, dir)
		}
	}
	return strings.Join(append(more, systemdPath), ":"), nil
}
