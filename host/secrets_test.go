package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/secrets"
	"github.com/gocompose/gocompose/secrets/content"
)

func TestContentsComeAsLoadedOrAreReadAgainUnchanged(t *testing.T) {
	const canary = "canary"
	dir := t.TempDir()
	p := paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}
	key, err := secrets.MakeKey(p.SecretsKey())
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	digest := project.ContentDigest(key, []byte(canary))
	file := project.File{Kind: project.KindSecret, Name: "file", Digest: digest, Path: write("same", canary)}
	external := project.File{Kind: project.KindSecret, Name: "external", Digest: digest, External: "same"}
	variable := project.File{Kind: project.KindConfig, Name: "variable", Digest: digest}
	changed, gone := file, file
	changed.Path, gone.Path = write("changed", canary+"2"), filepath.Join(dir, "gone")

	h := &Host{cfg: Config{Paths: p, External: content.Folders{Secrets: []string{dir}}}}
	for _, c := range []struct {
		file project.File
		want string // of the error
	}{
		{file, ""}, {external, ""},
		{changed, changed.Path + " has changed since the container was made: run `gocompose up`"},
		{gone, gone.Path + ": there is no such file"},
		{variable, "from a variable or the Compose file: run `gocompose up`"},
	} {
		data, err := h.contentOf(c.file)
		switch {
		case c.want == "" && (err != nil || string(data) != canary):
			t.Errorf("%v: %q, %v", c.file, data, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary)):
			t.Errorf("%v: %v, want %s", c.file, err, c.want)
		}
	}
	var loaded project.Contents
	loaded.Add(digest, []byte(canary))
	for _, f := range []project.File{variable, changed, gone} {
		if data, err := h.WithContents(loaded).contentOf(f); err != nil || string(data) != canary {
			t.Errorf("%s from %q: %q, %v", f, f.Path, data, err)
		}
	}
}

func TestWhatHasToBeLoadedAgainBeforeAStart(t *testing.T) {
	p := paths.Paths{State: t.TempDir()}
	h := &Host{secrets: secrets.Open(p)}
	const id = "shop-web-1.n"
	if err := os.MkdirAll(filepath.Join(p.Secrets(), id), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.secrets.Path(id, 0), nil, 0o400); err != nil {
		t.Fatal(err)
	}
	there, lost := project.File{Name: "there"}, project.File{Name: "lost"}
	file := project.File{Name: "file", Path: "/a"}
	before := func(f project.File) project.Hooks {
		return project.Hooks{BeforeStart: []project.PreStart{{Container: project.Container{Files: []project.File{f}}}}}
	}
	for _, c := range []struct {
		what string
		spec project.Container
		want bool
	}{
		{"nothing", project.Container{}, false},
		{"its own that is there", project.Container{Files: []project.File{there, file}}, false},
		{"its own that is not", project.Container{Files: []project.File{there, lost}}, true},
		{"a file of pre_start", project.Container{Files: []project.File{there}, Hooks: before(file)}, false},
		{"a variable of pre_start", project.Container{Hooks: before(there)}, true},
	} {
		if got := h.lacksContents(id, c.spec); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
