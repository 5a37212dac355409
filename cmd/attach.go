package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

// attachFlags are the flags of attach, of a service and of a container alike.
type attachFlags struct {
	detachKeys        string
	noStdin, sigProxy bool
}

func (f *attachFlags) add(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVar(&f.detachKeys, "detach-keys", defaultDetachKeys, "Override the key sequence for detaching from a container.")
	fs.BoolVar(&f.noStdin, "no-stdin", false, "Do not attach STDIN")
	fs.BoolVar(&f.sigProxy, "sig-proxy", true, "Proxy all received signals to the process")
}

func (a *app) attachCommand() *cobra.Command {
	var f attachFlags
	var index int
	c := &cobra.Command{
		Use:   "attach [OPTIONS] SERVICE",
		Short: "Attach local standard input, output, and error streams to a service's running container",
		Long: "Connects the terminal, or what is piped in and out, with the first process of a container that runs, until that ends,\n" +
			"and exits with its exit code. What was printed before is in `gocompose logs`.\n\n" +
			"At a container with `tty: true` the detach keys leave it running: Ctrl-P Ctrl-Q, or others by --detach-keys\n" +
			"(characters, or ctrl- and one, with commas between). Without, signals such as Ctrl-C go to the process, unless\n" +
			"--sig-proxy=false says that they end gocompose alone. What is typed arrives where the service has `stdin_open: true`.\n" +
			"Several can be attached at once. One that does not read what it is sent is cut off: the container waits for nobody.",
		Example: "  gocompose attach console\n" +
			"  gocompose attach --no-stdin --sig-proxy=false web",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("%q needs one SERVICE", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if a.globals.dryRun {
				return errNoDryRun()
			}
			keys, err := parseKeys(f.detachKeys)
			if err != nil {
				return err
			}
			return a.withOne(c.Context(), one{service: args[0], index: index}, func(ctx context.Context, h *host.Host, info host.Info) error {
				return a.attach(ctx, h, info, sessionOptions{
					terminal: info.Spec.TTY, redraw: true, input: !f.noStdin && info.Spec.StdinOpen, detachKeys: keys, signals: f.sigProxy,
				})
			})
		},
	}
	f.add(c)
	c.Flags().IntVar(&index, "index", 0, "index of the container if service has multiple replicas.")
	return c
}

// attach connects the user with a container that runs. Its exit code is that of the
// error.
func (a *app) attach(ctx context.Context, h *host.Host, info host.Info, o sessionOptions) error {
	p, err := h.Attach(ctx, info.ID, host.AttachOptions{})
	if err != nil {
		return fmt.Errorf("container %s: %w", info.Name, err)
	}
	code, err := a.session(ctx, p, o)
	closed := p.Close()
	switch {
	case errors.Is(err, errDetached):
		fmt.Fprintln(a.Err, err)
		return closed
	case errors.Is(err, host.ErrCutOff):
		return fmt.Errorf("container %s: %w: `gocompose logs %s` has all of it", info.Name, err, info.Spec.Service)
	}
	if err = errors.Join(err, closed); err != nil || code == exitOK {
		return err
	}
	return &exitError{code: code}
}
