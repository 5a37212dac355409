package cmd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project"
)

// What is shown is from files that nobody trusts yet, and could hide what is above it.
func TestWhatFilesAskForCannotMoveTheCursor(t *testing.T) {
	var b bytes.Buffer
	a := &app{Streams: Streams{Err: &b}}
	a.showElsewhere(&project.Elsewhere{
		Files:     []string{"oci://x\x1b[A"},
		Variables: []project.UsedVariable{{Name: "A", Default: "\x1b[2J\r\n"}},
		Host:      []string{"web: reads /\x1b]0;x\a\u202e"},
	})
	if text := b.String(); strings.ContainsAny(text, "\x1b\a\r\u202e") || strings.Count(text, "\n") != 7 {
		t.Errorf("%q", text)
	}
}
