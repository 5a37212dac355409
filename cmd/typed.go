package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// typed puts a prompt and reads a line; the line's end is missing when there was no
// more. When ctx ends first, what was about to be typed stays unread.
func (a *app) typed(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(a.Err, prompt)
	return a.awaitTyped(ctx, func() (string, error) { return bufio.NewReader(a.In).ReadString('\n') })
}

// typedUnseen is typed at a terminal that does not show what is typed.
func (a *app) typedUnseen(ctx context.Context, prompt string) (string, error) {
	in, ok := a.In.(*os.File)
	if !ok {
		return "", errors.New("there is no terminal to type at")
	}
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	defer func() { _ = term.Restore(fd, before) }() // also while somebody still reads from it
	fmt.Fprint(a.Err, prompt)
	defer fmt.Fprintln(a.Err)
	read := func() (string, error) {
		text, err := term.ReadPassword(fd)
		return string(text), err
	}
	return a.awaitTyped(ctx, read)
}

// awaitTyped reads, and returns before it has when ctx ends.
func (a *app) awaitTyped(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() { // nothing wakes up who reads from a terminal: it may outlive the question
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.Err)
		return "", context.Cause(ctx)
	case got := <-answers:
		if got.err != nil {
			fmt.Fprintln(a.Err) // the user has typed no newline
		}
		if got.err != nil && !errors.Is(got.err, io.EOF) {
			return "", fmt.Errorf("reading the answer: %w", got.err)
		}
		return got.text, nil
	}
}
