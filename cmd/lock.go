package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/registry"
	"github.com/gocompose/gocompose/internal/atomicfile"
	"github.com/gocompose/gocompose/project/loader"
)

func (a *app) lockCommand() *cobra.Command {
	var check, yes bool
	c := &cobra.Command{
		Use:   "lock [OPTIONS] [SERVICE...]",
		Short: "Pin the images of services by their digests, in compose.lock.yaml",
		Long: "Asks the registries what the names of the images stand for now, and writes it into compose.lock.yaml beside the first\n" +
			"Compose file, for all services whatever their profiles. `gocompose up --locked` uses exactly these images. With\n" +
			"services only theirs are taken over anew. Images that are built are not locked, nor those that they are built from.\n" +
			"Beside a Compose file in a repository or a registry nothing is written; with --dry-run the lock is printed.\n\n" +
			"With --check nothing is written, and the exit code is 1 if there would be something else in it.",
		Example: "  gocompose lock\n" +
			"  gocompose lock web\n" +
			"  gocompose lock --check && gocompose up -d --locked",
		RunE: func(c *cobra.Command, services []string) error {
			return a.lock(c.Context(), check, yes, services)
		},
	}
	c.Flags().BoolVar(&check, "check", false, "Write nothing, and say what has changed in the registries or the Compose file since")
	c.Flags().BoolVarP(&yes, "yes", "y", false, yesUsage)
	return c
}

func (a *app) lock(ctx context.Context, check, yes bool, services []string) error {
	opt, err := a.loadOptions()
	if err != nil {
		return err
	}
	path, elsewhere, err := loader.LockPath(ctx, opt)
	if err != nil {
		return err
	}
	if elsewhere != "" && !check && !a.globals.dryRun {
		return loader.ErrLockElsewhere(elsewhere)
	}
	before, err := loader.ReadLock(path)
	if absent := errors.Is(err, fs.ErrNotExist); err != nil && (check || len(services) > 0) {
		if absent && elsewhere != "" {
			return fmt.Errorf("no lock came with %s: %w", elsewhere, loader.ErrLockElsewhere(elsewhere))
		}
		if absent {
			return fmt.Errorf("there is no %s: write it with `gocompose lock`", path)
		}
		return err
	}
	m, err := loader.LoadToLock(ctx, opt)
	if err != nil {
		return err
	}
	if err := a.mayRead(ctx, "lock", yes, m.Name(), m.Elsewhere()); err != nil {
		return err
	}
	now, err := m.Lock(ctx, services, func(ctx context.Context, ref string) (string, error) {
		return images.Resolve(ctx, ref, registry.Config{})
	})
	if err != nil {
		return err
	}
	if len(services) > 0 {
		now = before.With(now)
	}
	if check {
		return checkLock(path, before.Differences(now))
	}
	text, err := now.YAML()
	if err != nil {
		return err
	}
	if a.globals.dryRun {
		_, err = a.Out.Write(text)
		return err
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return atomicfile.Write(path, text, 0o644)
}

// checkLock says in what a lock differs from what it would be now.
func checkLock(path string, differences []string) error {
	if len(differences) == 0 {
		return nil
	}
	errs := make([]error, len(differences))
	for i, d := range differences {
		errs[i] = errors.New(d)
	}
	return fmt.Errorf("%s is not what it would be now; `gocompose lock` writes it:\n%w", path, errors.Join(errs...))
}
