package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/view"
)

// systemdRoot is the flag that says where systemd's files are. It is for tests.
const systemdRoot = "systemd-root"

func (a *app) systemCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "system COMMAND",
		Short: "Look after the engine, the supervisor, disk space, and what comes back after a reboot",
		Args:  knownCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().String(systemdRoot, "/", "")
	_ = c.PersistentFlags().MarkHidden(systemdRoot) // fails for unknown names only
	c.AddCommand(a.systemDFCommand(), a.systemInfoCommand(), a.systemPruneCommand(), a.systemInstallCommand(), a.systemStartCommand(), a.systemStatusCommand(), a.systemStopCommand(), a.systemUninstallCommand())
	return c
}

// eachProject makes the change to every project that has containers, all at the
// same time. What fails in one does not stop the others.
func (a *app) eachProject(ctx context.Context, h *host.Host, c change) error {
	names, err := h.Projects(ctx)
	if err != nil {
		return err
	}
	many := a.sharingOutput()
	errs := make([]error, len(names))
	var work sync.WaitGroup
	for i, name := range names {
		work.Go(func() {
			if err := many.changeProject(ctx, h, c, name, nil); err != nil {
				errs[i] = fmt.Errorf("project %s: %w", name, err)
			}
		})
	}
	work.Wait()
	return errors.Join(errs...)
}

// sharingOutput returns a for use by several goroutines: progress is shown in
// lines, one at a time.
func (a *app) sharingOutput() *app {
	shared := *a
	if mode := view.Mode(a.globals.progress); mode == view.ModeAuto || mode == view.ModeTTY {
		shared.globals.progress = string(view.ModePlain)
	}
	shared.Out, shared.Err = &oneAtATime{w: a.Out}, &oneAtATime{w: a.Err}
	return &shared
}

// oneAtATime is a writer for several goroutines.
type oneAtATime struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *oneAtATime) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(b)
}
