package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func (a *app) waitCommand() *cobra.Command {
	var down bool
	c := &cobra.Command{
		Use:   "wait [OPTIONS] SERVICE...",
		Short: "Block until containers of all (or specified) services stop",
		Long: "Waits until the services' containers have ended and are not going to be started again, prints each one's exit code,\n" +
			"and exits with that of the last one to end. Of containers that have ended already it says so at once.",
		Example: "  gocompose up -d && gocompose wait --down-project tests",
		Args: func(c *cobra.Command, services []string) error {
			if len(services) == 0 {
				return usage("%q needs at least one SERVICE", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, services []string) error {
			if a.globals.dryRun {
				return errNoDryRun()
			}
			code, err := a.wait(c.Context(), services)
			if err != nil {
				return err
			}
			if down {
				if err := a.change(c.Context(), downWith(planner.Options{RemoveOrphans: true})); err != nil {
					return err
				}
			}
			if code != exitOK {
				return &exitError{code: code}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&down, "down-project", false, "Then take the project down, with containers of services that the Compose file does not define")
	return c
}

// wait waits for the containers of services and returns the exit code of the
// one that has ended last.
func (a *app) wait(ctx context.Context, services []string) (int, error) {
	_, infos, err := a.ofServices(ctx, services)
	if err != nil {
		return 0, err
	}
	for _, s := range services {
		if !slices.ContainsFunc(infos, func(i host.Info) bool { return i.Spec.Service == s }) {
			return 0, errNoContainer(s, 0)
		}
	}
	var gone, going []host.Info
	for _, i := range infos {
		switch {
		case i.State == planner.StateCreated:
			return 0, fmt.Errorf("container %s has not been started: `gocompose start %s` does", i.Name, i.Spec.Service)
		case i.Running():
			going = append(going, i)
		default:
			gone = append(gone, i)
		}
	}
	slices.SortStableFunc(gone, func(x, y host.Info) int { return x.ExitedAt.Compare(y.ExitedAt) })
	last := 0
	ended := func(id string, code int) error {
		last = code
		_, err := fmt.Fprintf(a.Out, "container %q exited with status code %d\n", id, code)
		return err
	}
	for _, i := range gone {
		if err := ended(i.ID, i.ExitCode); err != nil {
			return 0, err
		}
	}
	if len(going) > 0 {
		err = a.awaitEnds(ctx, going, ended)
	}
	return last, err
}

// awaitEnds calls ended with each container's ID and exit code, as they end.
func (a *app) awaitEnds(ctx context.Context, infos []host.Info, ended func(string, int) error) error {
	h, err := a.openExisting(ctx)
	if err != nil {
		return err
	}
	if h == nil {
		return host.ErrNothingHere
	}
	defer h.Close()
	type end struct {
		id   string
		code int
		err  error
	}
	ends := make(chan end, len(infos))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, i := range infos {
		go func() {
			code, err := awaitEnd(ctx, h, i.ID)
			ends <- end{i.ID, code, err}
		}()
	}
	for range infos {
		e := <-ends
		if err == nil {
			err = e.err
		}
		if err == nil {
			err = ended(e.id, e.code)
		}
		if err != nil {
			cancel() // the others are waited for
		}
	}
	return err
}

// awaitEnd returns the exit code of a container that has ended for good.
func awaitEnd(ctx context.Context, h *host.Host, id string) (int, error) {
	err := h.AwaitContainer(ctx, id, project.Completed)
	var not *planner.AwaitError
	if errors.As(err, &not) && not.Exited {
		return not.ExitCode, nil
	}
	return 0, err
}
