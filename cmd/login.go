package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/registry"
)

type loginFlags struct {
	user, password string
	fromInput      bool
	// givenUser and givenPassword: the flags are there, whatever they say.
	givenUser, givenPassword bool
}

func (a *app) loginCommand() *cobra.Command {
	var f loginFlags
	c := &cobra.Command{
		Use:   "login [OPTIONS] [SERVER]",
		Short: "Authenticate to a registry",
		Long: "Asks a registry, Docker Hub if none is named, whether it takes a user name and a password, and keeps them where docker\n" +
			"does, so that either program uses what the other has kept: with the credential helper that credHelpers or credsStore of\n" +
			"config.json in ~/.docker or DOCKER_CONFIG names, or in that file. What is not given is asked for at a terminal. Without\n" +
			"any flag, what is kept already is tried first.",
		Example: "gocompose login registry.example.com\n" +
			"gocompose login -u ann --password-stdin registry.example.com <password.txt",
		Args: atMostOneServer,
		RunE: func(c *cobra.Command, args []string) error {
			f.givenUser, f.givenPassword = c.Flags().Changed("username"), c.Flags().Changed("password")
			return a.login(c.Context(), serverOf(args), f)
		},
	}
	fs := c.Flags()
	fs.StringVarP(&f.user, "username", "u", "", "Username")
	fs.StringVarP(&f.password, "password", "p", "", "Password or Personal Access Token (PAT)")
	fs.BoolVar(&f.fromInput, "password-stdin", false, "Take the Password or Personal Access Token (PAT) from stdin")
	return c
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logout [SERVER]",
		Short: "Log out from a registry",
		Long: "Forgets the user name and the password that `gocompose login`, or docker's, has kept for a registry, Docker Hub if none is\n" +
			"named.",
		Example: "gocompose logout registry.example.com",
		Args:    atMostOneServer,
		RunE: func(c *cobra.Command, args []string) error {
			if a.globals.dryRun {
				return errNoDryRun()
			}
			host := serverOf(args)
			found, err := registry.Forget(c.Context(), host)
			switch {
			case err != nil:
				return fmt.Errorf("logging out of %s: %w", host, err)
			case found:
				fmt.Fprintf(a.Out, "Removing login credentials for %s\n", registry.Key(host))
			default:
				fmt.Fprintf(a.Out, "Not logged in to %s\n", registry.Key(host))
			}
			return nil
		},
	}
}

func atMostOneServer(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("%q takes one SERVER, got %q", c.CommandPath(), args)
	}
	return nil
}

// serverOf is the host that is meant.
func serverOf(args []string) string {
	if len(args) == 0 {
		return registry.Hub
	}
	return registry.Host(args[0])
}

func (a *app) login(ctx context.Context, host string, f loginFlags) error {
	if a.globals.dryRun {
		return errNoDryRun()
	}
	if err := f.check(); err != nil {
		return err
	}
	if !f.givenUser && !f.givenPassword && !f.fromInput {
		done, err := a.loginAgain(ctx, host)
		if done || err != nil {
			return err
		}
	}
	login, err := a.wantedLogin(ctx, host, f)
	if err != nil {
		return err
	}
	if err := images.LogIn(ctx, host, login, registry.FromEnv()); err != nil {
		return err
	}
	plain, err := registry.Keep(ctx, host, login)
	if err != nil {
		return fmt.Errorf("keeping the credentials for %s: %w", host, err)
	}
	if plain != "" {
		a.warn(fmt.Sprintf("Your credentials are stored unencrypted in %s: name a credential helper there, as credsStore, and log in again", plain))
	}
	fmt.Fprintln(a.Out, "Login Succeeded")
	return nil
}

// check refuses flags that contradict each other.
func (f *loginFlags) check() error {
	switch {
	case f.givenPassword && f.fromInput:
		return usage("--password and --password-stdin are mutually exclusive")
	case f.fromInput && f.user == "":
		return usage("Must provide --username with --password-stdin")
	case f.givenUser && f.user == "":
		return usage("--username is empty")
	case f.givenPassword && f.password == "":
		return usage("--password is empty")
	case strings.Contains(f.user, ":"):
		return usage("--username is %q: a colon cannot be in it", f.user)
	}
	return nil
}

// loginAgain tries what is kept already.
func (a *app) loginAgain(ctx context.Context, host string) (done bool, err error) {
	kept, found, err := registry.Kept(ctx, host)
	if !found || err != nil {
		return false, err
	}
	fmt.Fprintln(a.Err, "Authenticating with existing credentials...")
	err = images.LogIn(ctx, host, kept, registry.FromEnv())
	if err == nil {
		fmt.Fprintln(a.Out, "Login Succeeded")
		return true, nil
	}
	if !errors.Is(err, images.ErrUnauthorized) || !a.asks() {
		return false, err
	}
	fmt.Fprintf(a.Err, "Login did not succeed: %v\n", err)
	return false, nil
}

// wantedLogin is what the flags say, and the user is asked for the rest.
func (a *app) wantedLogin(ctx context.Context, host string, f loginFlags) (registry.Login, error) {
	login := registry.Login{User: f.user, Secret: f.password}
	switch {
	case f.fromInput:
		secret, err := io.ReadAll(a.In)
		if err != nil {
			return login, fmt.Errorf("reading the password: %w", err)
		}
		if login.Secret = strings.TrimRight(string(secret), "\r\n"); login.Secret == "" {
			return login, errors.New("the password on standard input is empty")
		}
		return login, nil
	case f.givenPassword:
		a.warn("Using --password via the CLI is insecure, for others see it in the list of processes: use --password-stdin")
	}
	if (login.User == "" || login.Secret == "") && !a.asks() {
		return login, errors.New("there is no terminal to ask for user name and password at: give -u and --password-stdin")
	}
	return a.askForLogin(ctx, host, login)
}

func (a *app) askForLogin(ctx context.Context, host string, login registry.Login) (registry.Login, error) {
	if login.User == "" {
		fmt.Fprintf(a.Err, "Log in to %s\n", host)
		text, err := a.typed(ctx, "Username: ")
		if err != nil {
			return login, err
		}
		if login.User = strings.TrimSpace(text); login.User == "" || strings.Contains(login.User, ":") {
			return login, errors.New("a user name is needed, without a colon")
		}
	}
	if login.Secret == "" {
		text, err := a.typedUnseen(ctx, "Password: ")
		if err != nil {
			return login, err
		}
		if login.Secret = strings.TrimRight(text, "\r\n"); login.Secret == "" {
			return login, errors.New("a password is needed")
		}
	}
	return login, nil
}
