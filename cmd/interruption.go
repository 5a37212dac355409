package cmd

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/gocompose/gocompose/executor"
)

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// signals returns a context that ends with the first wish of the user to end the
// program, Ctrl-C or SIGTERM, and a channel that brings the later ones to a
// command that listens: where none does the program ends at once. While session
// takes them they are no such wishes.
func signals(ctx context.Context, session *signalled) (context.Context, <-chan struct{}, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	caught := make(chan os.Signal, 2)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM)
	again := make(chan struct{})
	go func() { // ends with the program
		first := true
		for s := range caught {
			if session.take(s) {
				continue
			}
			if first {
				first = false
				cancel(errInterrupted)
				continue
			}
			select {
			case again <- struct{}{}:
			default:
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx, again, func() { cancel(nil) }
}

// besides returns what else went wrong than that the context was ended by the
// user, or for the end of a container: a cleaning up that failed, a step that
// failed before. Nil is: nothing.
func besides(err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *executor.ApplyError:
		var rest []error
		for _, f := range e.Failed {
			rest = append(rest, besides(f))
		}
		if e.TimedOut {
			rest = append(rest, e.Interrupted)
		}
		return errors.Join(rest...)
	case *executor.StepError:
		if rest := besides(e.Err); rest != nil {
			return &executor.StepError{Step: e.Step, Op: e.Op, Err: rest}
		}
		return nil
	}
	if errs := joined(err); errs != nil {
		var rest []error
		for _, e := range errs {
			rest = append(rest, besides(e))
		}
		return errors.Join(rest...)
	}
	for _, cause := range []error{context.Canceled, errInterrupted, errAborting, errDetached} {
		if errors.Is(err, cause) {
			return besides(errors.Unwrap(err)) // which may join it with something else
		}
	}
	return err
}

// joined returns the errors of which err is nothing but the list.
func joined(err error) []error {
	list, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var lines []string
	for _, e := range list.Unwrap() {
		lines = append(lines, e.Error())
	}
	if strings.Join(lines, "\n") != err.Error() {
		return nil
	}
	return list.Unwrap()
}
