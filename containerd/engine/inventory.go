package engine

import (
	"context"
	"errors"

	"github.com/gocompose/gocompose/internal/programs"
)

// Programs returns what an engine needs on this machine: containerd, unless
// another one than our own is used, runc, and our shim.
func Programs(ctx context.Context, c Config) ([]programs.Program, error) {
	p, err := c.locate()
	if err != nil && !errors.Is(err, errMissing) {
		return nil, err
	}
	var all []programs.Program
	if !c.Foreign() {
		all = append(all, programs.Ask(ctx, "containerd", p.containerd, "--version"))
	}
	return append(all, programs.Ask(ctx, "runc", p.runc, "--version"), programs.Ask(ctx, shimName, p.shim, "-v")), nil
}
