package cmd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/planner"
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

// Taking a project down runs the programs that its files name.
func TestProgramsOfFilesElsewhereAreAskedAbout(t *testing.T) {
	a := &app{Streams: Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}}
	p := &project.Project{Name: "shop", Elsewhere: &project.Elsewhere{}, Providers: []project.Provider{{Name: "db", Type: "model"}}}
	if err := a.trusts(t.Context(), downWith(planner.Options{}), p); err == nil || !strings.Contains(err.Error(), "with -p and without the files") {
		t.Error(err)
	}
	if err := a.trusts(t.Context(), toExisting("stop", planner.Stop, planner.Options{}), p); err != nil {
		t.Error(err)
	}
	p.Providers = nil
	if err := a.trusts(t.Context(), downWith(planner.Options{}), p); err != nil {
		t.Error(err)
	}
}
