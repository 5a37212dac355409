package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
)

// execFlags are the flags of exec, of a service and of a container alike.
type execFlags struct {
	detach, noTTY, tty, interactive, privileged bool
	env                                         []string
	user, workdir                               string
}

func (f *execFlags) add(c *cobra.Command) {
	f.addCommon(c)
	fs := c.Flags()
	fs.BoolVarP(&f.noTTY, "no-tty", "T", false, "Disable pseudo-TTY allocation. By default a TTY is allocated when input and output are terminals")
	fs.BoolVarP(&f.tty, "tty", "t", true, "Allocate a pseudo-TTY")
	fs.BoolVarP(&f.interactive, "interactive", "i", true, "Keep STDIN open even if not attached")
	hide(c, "interactive", "tty")
}

// addCommon adds the flags that are the same for both.
func (f *execFlags) addCommon(c *cobra.Command) {
	fs := c.Flags()
	fs.SetInterspersed(false)
	fs.BoolVarP(&f.detach, "detach", "d", false, "Detached mode: Run command in the background")
	fs.StringArrayVarP(&f.env, "env", "e", nil, "Set environment variables")
	fs.BoolVar(&f.privileged, "privileged", false, "Give extended privileges to the process")
	fs.StringVarP(&f.user, "user", "u", "", "Run the command as this user")
	fs.StringVarP(&f.workdir, "workdir", "w", "", "Path to workdir directory for this command")
}

func (a *app) execCommand() *cobra.Command {
	var f execFlags
	var index int
	c := &cobra.Command{
		Use:   "exec [OPTIONS] SERVICE COMMAND [ARGS...]",
		Short: "Execute a command in a running container",
		Long: "Runs a command in a container of the service that runs already, and exits with its exit code; with 127 when there is\n" +
			"no such program, and with 126 when it may not be run.\n\n" +
			"When input and output are terminals the command has one too; -T leaves it out. Without one, what is piped in and out\n" +
			"is not changed, output and errors stay apart, and signals go to the command. When gocompose is killed, or its terminal\n" +
			"is closed, the command gets SIGHUP.",
		Example: "  gocompose exec web sh\n" +
			"  gocompose exec -T db pg_dump -U app shop | gzip >shop.sql.gz",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage("%q needs a SERVICE and a COMMAND", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if a.globals.dryRun {
				return errNoDryRun()
			}
			s, err := f.session(a, c)
			if err != nil {
				return err
			}
			program, err := f.program(args[1:])
			if err != nil {
				return err
			}
			return a.withOne(c.Context(), one{service: args[0], index: index}, func(ctx context.Context, h *host.Host, info host.Info) error {
				return a.exec(ctx, h, info, program, s)
			})
		},
	}
	f.add(c)
	c.Flags().IntVar(&index, "index", 0, "Index of the container if service has multiple replicas")
	return c
}

// execSession is how the user is connected with a command, if at all.
type execSession struct {
	sessionOptions
	detached bool
}

// session tells whether the command has a terminal: when ours is one in both
// directions, or when it is asked for.
func (f *execFlags) session(a *app, c *cobra.Command) (execSession, error) {
	set := c.Flags().Changed
	asked := set("tty") && f.tty || set("no-tty") && !f.noTTY
	refused := set("tty") && !f.tty || f.noTTY
	if asked && refused {
		return execSession{}, usage("--tty and --no-tty cannot be combined")
	}
	typed := isTerminalInput(a.In)
	s := execSession{detached: f.detach}
	s.input = f.interactive
	s.signals = true
	s.terminal = asked || !refused && typed && isTerminal(a.Out)
	if asked && s.input && !typed && !f.detach {
		return execSession{}, errNoTerminal
	}
	return s, nil
}

func isTerminalInput(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// program is what is to be run.
func (f *execFlags) program(command []string) (project.Hook, error) {
	p := project.Hook{Command: command, User: f.user, Privileged: f.privileged, WorkingDir: f.workdir, Env: map[string]string{}}
	if f.workdir != "" && !path.IsAbs(f.workdir) {
		return p, usage("--workdir is %q: a path in the container, from its root on", f.workdir)
	}
	for _, e := range f.env {
		name, value, ok := strings.Cut(e, "=")
		if name == "" {
			return p, usage("--env has no name before the =: NAME=VALUE, or the NAME of a variable of gocompose's own environment")
		}
		if !ok {
			value, ok = os.LookupEnv(name)
		}
		if ok {
			p.Env[name] = value
		} else {
			p.UnsetEnv = append(p.UnsetEnv, name)
		}
	}
	return p, nil
}

// exec runs a command in a container. Its exit code is that of the error.
func (a *app) exec(ctx context.Context, h *host.Host, info host.Info, program project.Hook, s execSession) error {
	r := host.ExecRequest{Program: program, Terminal: s.terminal, Input: s.input}
	if s.detached {
		return execError(info, h.ExecDetached(ctx, info.ID, r))
	}
	if s.terminal {
		r.Size = a.terminalSize()
	}
	p, err := h.Exec(ctx, info.ID, r)
	if err != nil {
		return execError(info, err)
	}
	code, err := a.session(ctx, p, s.sessionOptions)
	if err = errors.Join(err, p.Close()); err != nil || code == exitOK {
		return err
	}
	return &exitError{code: code}
}

// Exit codes of shells for what cannot be run.
const exitCannotRun = 126

// execError says why a command could not be run.
func execError(info host.Info, err error) error {
	var start *host.StartExecError
	switch {
	case errors.As(err, &start):
		code := start.ExitCode
		if code != 127 {
			code = exitCannotRun
		}
		return &exitError{code, fmt.Errorf("container %s: %w", info.Name, err)}
	case errors.Is(err, executor.ErrNotRunning):
		return fmt.Errorf("service %q is not running: `gocompose start %[1]s` starts it", info.Spec.Service)
	case errors.Is(err, host.ErrPaused):
		return fmt.Errorf("container %s is paused: `gocompose unpause %s` lets it go on", info.Name, info.Spec.Service)
	case err != nil:
		return fmt.Errorf("container %s: %w", info.Name, err)
	}
	return nil
}
