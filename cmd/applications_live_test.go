//go:build live

package cmd_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The applications of testdata/compose need no more than this to be there. The
// ports that they publish come from variables, so that a test finds them free.
const (
	bringUp = `freeports WEB_PORT FIRST_PORT SECOND_PORT REDIS_PORT SSH_PORT DNS_PORT TUNNEL_PORT GAME_PORT ADMIN_PORT
exec gocompose up -d --wait --wait-timeout 60
`
	upAgain = `
# everything is as the files want it
exec gocompose plan --exit-code
exec gocompose up -d --wait --wait-timeout 60
! stderr 'Creat|Start|Stop|Remov|Pull'
exec gocompose down -v
leftovers
`
)

// TestApplications brings each application of testdata/compose up: it is healthy,
// answers as its check.txt says, nothing is left to do, and it goes without a
// trace.
func TestApplications(t *testing.T) {
	params := liveParams(t)
	root := filepath.Join(t.TempDir(), "root")
	setup := params.Setup
	load := loadImages(t)
	for _, dir := range applications(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			own := params
			own.Files = []string{script(t, dir, load)}
			load = "" // they stay
			own.Setup = func(e *testscript.Env) error {
				e.Cd = filepath.Join(e.WorkDir, filepath.Base(dir))
				err := os.CopyFS(e.Cd, os.DirFS(dir))
				if err == nil {
					err = setup(e)
				}
				e.Setenv("GOCOMPOSE_ROOT", root)
				return err
			}
			testscript.Run(t, own)
		})
	}
}

// applications returns the folders of testdata/compose.
func applications(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("../testdata/compose/*")
	if err != nil || len(dirs) < 15 {
		t.Fatalf("few applications: %v (%v)", dirs, err)
	}
	return dirs
}

// script returns a script that brings up the application in dir, after load.
func script(t *testing.T, dir, load string) string {
	t.Helper()
	check, err := os.ReadFile(filepath.Join(dir, "check.txt"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "up.txt")
	text := load + bringUp + string(check) + upAgain
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// loadImages returns the lines of a script that load what the applications use.
func loadImages(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../build/images")
	if err != nil {
		t.Fatal(err)
	}
	line := "load busybox data\nexec gocompose image load"
	for _, name := range []string{"app", "nginx", "postgres", "python", "redis"} {
		path := filepath.Join(dir, name+".tar")
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("the applications run what make images builds: %v", err)
		}
		line += " " + path
	}
	return line + "\n"
}
