package engine

import (
	"context"
	"errors"
	"os/exec"
	"regexp"
	"time"
)

// askTimeout bounds how long a program may take to say its version.
const askTimeout = 5 * time.Second

// Program is one of those that an engine needs.
type Program struct {
	Name string
	// Path is absolute; empty: it is not found.
	Path string
	// Version is what the program says of itself; empty: it cannot be told.
	Version string
}

// Programs returns what an engine needs on this machine: containerd, unless
// another one than our own is used, runc, and our shim.
func Programs(ctx context.Context, c Config) ([]Program, error) {
	p, err := c.locate()
	if err != nil && !errors.Is(err, errMissing) {
		return nil, err
	}
	var all []Program
	if !c.Foreign() {
		all = append(all, ask(ctx, "containerd", p.containerd, "--version"))
	}
	return append(all, ask(ctx, "runc", p.runc, "--version"), ask(ctx, shimName, p.shim, "-v")), nil
}

// ask has the program say its version.
func ask(ctx context.Context, name, path, flag string) Program {
	p := Program{Name: name, Path: path}
	if path == "" {
		return p
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if out, err := exec.CommandContext(ctx, path, flag).Output(); err == nil {
		p.Version = versionIn(string(out))
	}
	return p
}

// said finds the version in the words of each of the programs:
//
//	containerd github.com/containerd/containerd/v2 v2.3.7 1c4457e0
//	runc version 1.5.2
//	  Version:  v0.2.0
var said = regexp.MustCompile(`(?m)^(?:containerd \S+|runc version|\s*Version:)\s+(\S+)`)

func versionIn(output string) string {
	if m := said.FindStringSubmatch(output); m != nil {
		return m[1]
	}
	return ""
}
