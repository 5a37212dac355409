// Package cmd is the command line: each command is parse, then run, in a file
// of its own.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	_ "github.com/gocompose/gocompose/internal/garbage" // before what else is imported
)

// Streams are what a command reads from and writes to. Out is for the answer,
// Err for everything else.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// Exit codes, those of docker compose.
const (
	exitOK          = 0
	exitFailure     = 1
	exitChanges     = 2 // plan --exit-code: there is something to do
	exitInterrupted = 130
)

// exitError ends the program with a code. Without a cause nothing is printed.
type exitError struct {
	code  int
	cause error
}

func (e *exitError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.cause.Error()
}

func (e *exitError) Unwrap() error { return e.cause }

// Main runs the command that the program's arguments name, and returns the
// exit code. It is the only place where errors become text.
func Main(version string) int {
	session := &signalled{}
	ctx, again, stop := signals(context.Background(), session)
	defer stop()
	a := &app{Streams: Streams{os.Stdin, os.Stdout, os.Stderr}, version: version, again: again, signalled: session}
	return a.run(ctx, os.Args[1:])
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	if completes(args) {
		a.addCompletions(root)
	}
	cmd, err := root.ExecuteContextC(ctx)
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && !isUsage(err) { // before the command, which cobra tells of by itself
		err = flagError(cmd, err)
	}
	return a.report(ctx, cmd, err)
}

func (a *app) report(ctx context.Context, cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	var exit *exitError
	if errors.As(err, &exit) {
		if exit.cause != nil {
			a.printError(exit.cause)
		}
		return exit.code
	}
	if errors.Is(context.Cause(ctx), errInterrupted) {
		a.printError(errors.Join(besides(err), errInterrupted))
		return exitInterrupted
	}
	a.printError(err)
	if isUsage(err) && !a.inJSON() {
		fmt.Fprintf(a.Err, "\nUsage:  %s\n\nRun '%s --help' for more information\n", cmd.UseLine(), cmd.CommandPath())
	}
	return exitFailure
}

// usageError is a mistake in the arguments.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func isUsage(err error) bool {
	var usage *usageError
	return errors.As(err, &usage)
}

func usage(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}
