package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gocompose/gocompose/internal/programs"
)

const (
	shimName = "containerd-shim-gocompose-v1"
	initName = "gocompose-init"
)

var errMissing = errors.New("missing programs")

// located are the absolute paths of what an engine needs; empty when missing.
// Only containers with an init process need init.
type located struct{ containerd, runc, shim, init string }

// locate finds the programs in the folder Bin; without it, in the folder of the
// running program and after it in PATH. The error wraps errMissing when some
// are missing; the others are returned all the same. Another containerd than
// ours needs none of that name here.
func (c Config) locate() (located, error) {
	folders, err := programs.In(c.Bin)
	if err != nil {
		return located{}, err
	}
	var p located
	var missing []string
	for _, want := range []struct {
		name string
		to   *string
	}{{"containerd", &p.containerd}, {"runc", &p.runc}, {shimName, &p.shim}} {
		if *want.to = folders.Find(want.name); *want.to == "" && !(c.Foreign() && want.name == "containerd") {
			missing = append(missing, want.name)
		}
	}
	p.init = folders.Find(initName)
	if missing != nil {
		return p, fmt.Errorf("%w: %s not found in %s; `make build` in gocompose's sources puts them into bin/, beside gocompose",
			errMissing, strings.Join(missing, ", "), folders)
	}
	return p, nil
}
