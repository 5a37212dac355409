package systemd

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

func units() map[string]Unit {
	return map[string]Unit{
		"default.service": {Program: "/usr/local/bin/gocompose", Folders: []string{"/var/lib/gocompose", "/run/gocompose"}},
		"moved.service": {
			Program: "/opt/my programs/100%/go$compose",
			Address: "/run/my $containerd/containerd.sock",
			Env:     []string{"GOCOMPOSE_ROOT=/srv/a \"quoted\" back\\slash", "GOCOMPOSE_STATE=/run/50%", "GOCOMPOSE_NO_SYNC=1"},
			Folders: []string{"/srv/a \"quoted\" back\\slash", "/run/50%"},
		},
	}
}

func TestUnitFile(t *testing.T) {
	for golden, u := range units() {
		t.Run(golden, func(t *testing.T) {
			file := filepath.Join("testdata", golden)
			if *update {
				if err := os.WriteFile(file, []byte(u.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if u.String() != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", u, want)
			}
		})
	}
}

func TestSystemdTakesTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze")
	}
	for name, u := range units() {
		for variant, text := range map[string]string{"whole": u.String(), "without stop": u.withoutStop()} {
			t.Run(name+"/"+variant, func(t *testing.T) {
				// Programs must be there for it.
				u.Program = filepath.Join(t.TempDir(), u.Program)
				text = u.text(variant == "whole")
				if err := os.MkdirAll(filepath.Dir(u.Program), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(u.Program, []byte("#!/bin/sh\n"), 0o755); err != nil {
					t.Fatal(err)
				}
				file := filepath.Join(t.TempDir(), Name)
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", file).CombinedOutput()
				if err != nil || len(out) > 0 {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
	}
}

func TestWordsOfUnits(t *testing.T) {
	for in, want := range map[string]string{
		"/usr/bin/x":   "/usr/bin/x",
		"":             `""`,
		"/a b":         `"/a b"`,
		"/100%":        "/100%%",
		`/a"b\c`:       `"/a\"b\\c"`,
		"/tab\tline\n": `"/tab\x09line\x0a"`,
		"/größe":       `"/größe"`,
		"; rm":         `"; rm"`,
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
}
