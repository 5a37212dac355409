package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestOnlyYesIsYes(t *testing.T) {
	for answer, want := range map[string]bool{
		"y\n": true, "Y\n": true, "yes\n": true, " YES \r\n": true, "y": true, "y\nn\n": true,
		"n\n": false, "\n": false, "": false, "yesterday\n": false, "ja\n": false,
	} {
		a := &app{Streams: Streams{In: strings.NewReader(answer), Err: new(bytes.Buffer)}}
		if got, err := a.ask(t.Context(), "Remove them?"); got != want || err != nil {
			t.Errorf("%q: %v, %v; want %v", answer, got, err, want)
		}
	}
}

func TestAnAnswerThatCannotBeReadIsNoAnswer(t *testing.T) {
	broken := errors.New("broken")
	a := &app{Streams: Streams{In: iotest.ErrReader(broken), Err: new(bytes.Buffer)}}
	if yes, err := a.ask(t.Context(), "Remove them?"); yes || !errors.Is(err, broken) {
		t.Errorf("%v, %v", yes, err)
	}
}

func TestCtrlCEndsAQuestion(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	in, typed := io.Pipe()
	defer typed.Close()
	var asked bytes.Buffer
	a := &app{Streams: Streams{In: in, Err: &asked}}
	cancel(errInterrupted)
	if yes, err := a.ask(ctx, "Remove them?"); yes || !errors.Is(err, errInterrupted) {
		t.Errorf("%v, %v", yes, err)
	}
	if want := "Remove them? [y/N] \n"; asked.String() != want {
		t.Errorf("%q, want %q", asked.String(), want)
	}
}
