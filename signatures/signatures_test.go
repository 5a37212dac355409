package signatures_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/signatures"
)

// program is one that does what a shell script says.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "verify")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheProgramDecides(t *testing.T) {
	key := project.Verify{Key: "k.pub", Content: "PEM"}
	root := project.Verify{Identity: "a", IssuerRegexp: "b", Root: "root.json", Content: "{}"}
	found := signatures.Found{Classic: []signatures.Classic{{Payload: []byte("p"), Signature: "s"}}, Bundles: [][]byte{[]byte("b")}}
	for name, tt := range map[string]struct {
		by     project.Verify
		script string
		want   string // of the error; empty: none
		not    bool   // it is an ErrNotVerified
	}{
		"yes": {by: key, script: `echo '{"verified":true}'`},
		"what it is asked by key": {by: key, script: `[ "$(cat)" = '{"digest":"d","policy":{"key":"PEM"},` +
			`"signatures":[{"payload":"cA==","signature":"s"}],"bundles":["Yg=="]}' ] && echo '{"verified":true}'`},
		"what it is asked by identity": {by: root, script: `case "$(cat)" in *'"policy":{"identity":"a","issuerRegexp":"b","root":"e30="}'*) echo '{"verified":true}';; esac`},
		"no":                           {by: key, script: `echo '{"verified":false,"reason":"because"}'`, want: "because", not: true},
		"it says nothing":              {by: key, script: `exit 0`, want: "reading what"},
		"it says something else":       {by: key, script: `echo yes`, want: "reading what"},
		"it says yes and fails":        {by: key, script: `echo '{"verified":true}'; echo broken >&2; exit 1`, want: "broken: exit status 1"},
		"it is killed":                 {by: key, script: `kill -9 $$`, want: "signal: killed"},
		"it has our environment":       {by: key, script: `[ -z "$HOME" ] && echo '{"verified":true}'`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOME", "/root")
			err := signatures.Check(t.Context(), program(t, tt.script), "d", tt.by, found)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if errors.Is(err, signatures.ErrNotVerified) != tt.not {
				t.Errorf("%v is an ErrNotVerified: %v", err, !tt.not)
			}
		})
	}
	if err := signatures.Check(t.Context(), filepath.Join(t.TempDir(), "none"), "d", key, found); err == nil {
		t.Error("without the program it is verified")
	}
}

func TestWhatIsKnownIsRemembered(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "verified")
	s := signatures.Open(dir)
	has := func(digest, policy string, want bool) {
		t.Helper()
		if got, err := s.Has(digest, policy); err != nil || got != want {
			t.Errorf("%s as %s: %v, %v; want %v", digest, policy, got, err, want)
		}
	}
	has("d1", "p1", false)
	for range 2 {
		if err := s.Add("d1", "p1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add("d2", "p1"); err != nil {
		t.Fatal(err)
	}
	has("d1", "p1", true)
	has("d1", "p2", false)
	has("d3", "p1", false)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
	if err := s.Keep(map[string]bool{"d2": true}); err != nil {
		t.Fatal(err)
	}
	has("d1", "p1", false)
	has("d2", "p1", true)
	if err := signatures.Open(filepath.Join(dir, "none")).Keep(nil); err != nil {
		t.Error(err)
	}
}

func TestWhatOthersCanWriteDoesNotCount(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "verified")
	s := signatures.Open(dir)
	if err := s.Add("d1", "p1"); err != nil {
		t.Fatal(err)
	}
	one := files(t, dir)[0]
	if err := s.Add("d2", "p1"); err != nil {
		t.Fatal(err)
	}
	other := files(t, dir)
	for _, f := range other {
		if f != one { // the verdict on one under the name of the other
			data, err := os.ReadFile(one)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ok, err := s.Has("d2", "p1"); ok || err != nil {
		t.Errorf("a verdict counts for another image: %v, %v", ok, err)
	}
	for _, step := range []struct {
		name  string
		spoil func() error
	}{
		{"writable for others", func() error { return os.Chmod(one, 0o666) }},
		{"a link", func() error {
			return errors.Join(os.Chmod(one, 0o600), os.Rename(one, one+".moved"), os.Symlink(one+".moved", one))
		}},
		{"of another user", func() error {
			return errors.Join(os.Remove(one), os.Rename(one+".moved", one), os.Chown(one, 65534, 65534))
		}},
	} {
		if step.name == "of another user" && os.Geteuid() != 0 {
			continue
		}
		if err := step.spoil(); err != nil {
			t.Fatal(err)
		}
		if ok, err := s.Has("d1", "p1"); ok || err == nil {
			t.Errorf("%s: %v, %v", step.name, ok, err)
		}
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(found) == 0 {
		t.Fatalf("%q, %v", found, err)
	}
	return found
}
