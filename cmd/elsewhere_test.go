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
	ask := asking{variables: true, host: []string{"web: reads /\x1b]0;x\a\u202e"}, others: []string{"/srv/\x1b[A"}}
	a.showElsewhere(ask, "shop", &project.Elsewhere{
		Files:     []string{"oci://x\x1b[A"},
		Variables: []project.UsedVariable{{Name: "A", Default: "\x1b[2J\r\n"}},
	})
	if text := b.String(); strings.ContainsAny(text, "\x1b\a\r\u202e") || strings.Count(text, "\n") != 9 {
		t.Errorf("%q", text)
	}
}

// Taking a project down runs the programs that its files name.
func TestProgramsOfFilesElsewhereAreAskedAbout(t *testing.T) {
	a := &app{Streams: Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}}
	p := &project.Project{Name: "shop", Elsewhere: &project.Elsewhere{NamedHere: true, Programs: []string{"db: runs a program"}}, Providers: []project.Provider{{Name: "db", Type: "model"}}}
	if err := a.trusts(t.Context(), downWith(planner.Options{}), p); err == nil || !strings.Contains(err.Error(), "with -p and without the files") {
		t.Error(err)
	}
	if err := a.trusts(t.Context(), toExisting("stop", planner.Stop, planner.Options{}), p); err != nil {
		t.Error(err)
	}
	p.Elsewhere.Programs = nil
	if err := a.trusts(t.Context(), downWith(planner.Options{}), p); err != nil {
		t.Error(err)
	}
}

// What a command hands on it asks about, and nothing else: to containers, into images, or to
// registries in the names of images.
func TestCommandsAskAboutWhatTheyHandOn(t *testing.T) {
	p := &project.Project{Name: "shop", Elsewhere: &project.Elsewhere{
		NamedHere: true, Variables: []project.UsedVariable{{Name: "TOKEN", From: project.FromEnvironment}},
		Host: []string{"web: reads /srv", "web: is built with your SSH keys"}, Builds: []string{"web: is built with your SSH keys"},
	}}
	unset := &project.Project{Name: "shop", Elsewhere: &project.Elsewhere{NamedHere: true, Variables: []project.UsedVariable{{Name: "TOKEN", Default: "1"}}}}
	build, err := new(buildFlags).change(&app{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	up, err := new(upFlags).change(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		c    change
		want string
	}{
		{up, "TOKEN /srv SSH"}, {build, "TOKEN SSH"}, {ofImages("pull", nil, false), "TOKEN"},
		{toExisting("stop", planner.Stop, planner.Options{}), ""}, {downWith(planner.Options{}), ""},
	} {
		var said bytes.Buffer
		a := &app{Streams: Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &said}}
		err := a.trusts(t.Context(), tt.c, p)
		if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), "`gocompose "+tt.c.title+" --yes`") {
			t.Errorf("%s: %v", tt.c.title, err)
		}
		for _, word := range []string{"TOKEN", "/srv", "SSH"} {
			if strings.Contains(said.String(), word) != strings.Contains(tt.want, word) {
				t.Errorf("%s asks\n%s\nwant %s", tt.c.title, said.String(), tt.want)
			}
		}
		if err := a.trusts(t.Context(), tt.c, unset); err != nil {
			t.Errorf("%s asks about what has no value: %v", tt.c.title, err)
		}
		if tt.c.yes = true; a.trusts(t.Context(), tt.c, p) != nil {
			t.Errorf("%s asks though the answer is there", tt.c.title)
		}
	}
}
