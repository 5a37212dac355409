package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	shimName = "containerd-shim-gocompose-v1"
	initName = "gocompose-init"
	verifier = "gocompose-verify"
)

var errMissing = errors.New("missing programs")

// programs are the absolute paths of what an engine needs; empty when missing.
// Only containers with an init process need init, and only images that have to be signed
// verify.
type programs struct{ containerd, runc, shim, init, verify string }

// locate finds the programs in the folder Bin; without it, in the folder of the
// running program and after it in PATH. The error wraps errMissing when some
// are missing; the others are returned all the same. Another containerd than
// ours needs none of that name here.
func (c Config) locate() (programs, error) {
	folders := []string{c.Bin}
	where := c.Bin
	if c.Bin == "" {
		self, err := os.Executable()
		if err != nil {
			return programs{}, err
		}
		if self, err = filepath.EvalSymlinks(self); err != nil {
			return programs{}, err
		}
		folders = append([]string{filepath.Dir(self)}, filepath.SplitList(os.Getenv("PATH"))...)
		where = filepath.Dir(self) + " and in PATH"
	}
	var p programs
	var missing []string
	for _, want := range []struct {
		name string
		to   *string
	}{{"containerd", &p.containerd}, {"runc", &p.runc}, {shimName, &p.shim}} {
		if *want.to = lookIn(folders, want.name); *want.to == "" && !(c.Foreign() && want.name == "containerd") {
			missing = append(missing, want.name)
		}
	}
	p.init, p.verify = lookIn(folders, initName), lookIn(folders, verifier)
	if missing != nil {
		return p, fmt.Errorf("%w: %s not found in %s; `make build` in gocompose's sources puts them into bin/, beside gocompose",
			errMissing, strings.Join(missing, ", "), where)
	}
	return p, nil
}

// lookIn returns the absolute path of the first executable called name.
func lookIn(folders []string, name string) string {
	for _, dir := range folders {
		abs, err := filepath.Abs(filepath.Join(dir, name))
		if err != nil || dir == "" {
			continue
		}
		if path, err := exec.LookPath(abs); err == nil {
			return path
		}
	}
	return ""
}
