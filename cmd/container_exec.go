package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

func (a *app) containerExecCommand() *cobra.Command {
	var f execFlags
	c := &cobra.Command{
		Use:   "exec [OPTIONS] CONTAINER COMMAND [ARGS...]",
		Short: "Execute a command in a running container",
		Long: "Runs a command in a container that runs, as `gocompose exec` does. As with docker, it has input with -i alone, and a\n" +
			"terminal with -t alone.",
		Example: "gocompose container exec -it shop-web-1 sh",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage("%q needs a CONTAINER and a COMMAND", c.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: a.completeContainers,
		RunE: func(c *cobra.Command, args []string) error {
			if a.globals.dryRun {
				return errNoDryRun()
			}
			program, err := f.program(args[1:])
			if err != nil {
				return err
			}
			if f.tty && f.interactive && !f.detach && !isTerminalInput(a.In) {
				return errNoTerminal
			}
			s := execSession{sessionOptions{terminal: f.tty, input: f.interactive, signals: true}, f.detach}
			return a.withContainer(c.Context(), args[0], func(ctx context.Context, h *host.Host, info host.Info) error {
				return a.exec(ctx, h, info, program, s)
			})
		},
	}
	f.addCommon(c)
	c.Flags().BoolVarP(&f.tty, "tty", "t", false, "Allocate a pseudo-TTY")
	c.Flags().BoolVarP(&f.interactive, "interactive", "i", false, "Keep STDIN open even if not attached")
	return c
}

func (a *app) containerAttachCommand() *cobra.Command {
	var f attachFlags
	c := &cobra.Command{
		Use:               "attach [OPTIONS] CONTAINER",
		Short:             "Attach local standard input, output, and error streams to a running container",
		Long:              "Connects the terminal, or what is piped in and out, with a container that runs, as `gocompose attach` does.",
		Example:           "gocompose container attach --detach-keys ctrl-a,d shop-console-1",
		Args:              exactlyOne("CONTAINER"),
		ValidArgsFunction: a.completeContainers,
		RunE: func(c *cobra.Command, args []string) error {
			if a.globals.dryRun {
				return errNoDryRun()
			}
			keys, err := parseKeys(f.detachKeys)
			if err != nil {
				return err
			}
			return a.withContainer(c.Context(), args[0], func(ctx context.Context, h *host.Host, info host.Info) error {
				return a.attach(ctx, h, info, f.session(info, keys))
			})
		},
	}
	f.add(c)
	return c
}

// errNoTerminal: a terminal is to be typed at that is none. The beginning is docker's.
var errNoTerminal = errors.New("the input device is not a TTY: leave -t out, or type on a terminal")

// withContainer runs do with the container that is named so, of whichever project,
// and that runs.
func (a *app) withContainer(ctx context.Context, name string, do func(context.Context, *host.Host, host.Info) error) error {
	h, all, err := a.openContainers(ctx, "")
	if err != nil {
		return err
	}
	defer h.Close()
	info, err := containerNamed(all, name)
	if err != nil {
		return err
	}
	if !info.Running() {
		return fmt.Errorf("container %s is not running: `gocompose -p %s start %s` starts it", info.Name, info.Spec.Project, info.Spec.Service)
	}
	return do(ctx, h, info)
}
