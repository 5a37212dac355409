package engine

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/internal/paths"
)

var update = flag.Bool("update", false, "write the golden files")

func TestConfigurationFile(t *testing.T) {
	for _, tt := range []struct {
		golden string
		config Config
	}{
		{"default.toml", Config{Paths: paths.Paths{Root: paths.DefaultRoot, State: paths.DefaultState}}},
		{"long-path-no-sync.toml", Config{
			Paths:  paths.Paths{Root: `/srv/a "quoted" back\slash`, State: "/srv/a/folder/so/long/that/sockets/do/not/fit"},
			NoSync: true,
		}},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			file := filepath.Join("testdata", tt.golden)
			got := tt.config.render()
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestStringsOfTOML(t *testing.T) {
	for in, want := range map[string]string{
		"/run/x":       `"/run/x"`,
		`a"b\c`:        `"a\"b\\c"`,
		"tab\tend\x7f": `"tab\u0009end\u007F"`,
		"größe":        `"größe"`,
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestShimSocketsLieWhereTheirPathsFit(t *testing.T) {
	// EngineState is State + "/containerd", to which "/s" comes.
	fits := "/" + strings.Repeat("a", 42-1-len("/containerd/s"))
	for _, tt := range []struct{ state, want string }{
		{"/run/gocompose", "/run/gocompose/containerd/s"},
		{fits, fits + "/containerd/s"},
		{fits + "a", "/run/gocompose-" + paths.Short(fits+"a") + "/s"},
	} {
		got := socketDir(paths.Paths{State: tt.state})
		if got != tt.want {
			t.Errorf("for state %s: %s, want %s", tt.state, got, tt.want)
		}
		if len(got) > 42 {
			t.Errorf("%s has %d characters, containerd takes 42", got, len(got))
		}
	}
}

func TestStateFolderWithTooLongAPathIsRefused(t *testing.T) {
	const rest = len("/containerd/containerd.sock.ttrpc")
	if err := checkLength(paths.Paths{State: "/" + strings.Repeat("a", 103-rest)}); err != nil {
		t.Errorf("a socket's path of 104 characters: %v", err)
	}
	err := checkLength(paths.Paths{State: "/" + strings.Repeat("a", 105-rest)})
	if err == nil || !strings.Contains(err.Error(), "2 characters too long") || !strings.Contains(err.Error(), "GOCOMPOSE_STATE") {
		t.Errorf("a socket's path of 106 characters: %v", err)
	}
}

func TestFoldersAreForRootAlone(t *testing.T) {
	dir := t.TempDir()
	c := Config{Paths: paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}}
	if err := c.makeFolders(); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{c.Paths.Root, c.Paths.State} {
		fi, err := os.Stat(d)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v: others can go through it", d, fi.Mode())
		}
	}
}
