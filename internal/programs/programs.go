// Package programs finds the programs that gocompose runs.
package programs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// askTimeout bounds how long a program may take to say its version.
const askTimeout = 5 * time.Second

// Program is one that gocompose runs.
type Program struct {
	Name string
	// Path is absolute; empty: it is not found.
	Path string
	// Version is what the program says of itself; empty: it cannot be told.
	Version string
}

// Folders are where programs are looked for, in this order.
type Folders struct {
	list []string
	text string
}

// In returns the folder bin alone; empty means the folder of the running program
// and after it PATH.
func In(bin string) (Folders, error) {
	if bin != "" {
		return Folders{[]string{bin}, bin}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return Folders{}, err
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return Folders{}, err
	}
	dir := filepath.Dir(self)
	return Folders{append([]string{dir}, filepath.SplitList(os.Getenv("PATH"))...), dir + " and in PATH"}, nil
}

// String says where they are: "/opt/gocompose and in PATH".
func (f Folders) String() string { return f.text }

// Find returns the absolute path of the first executable called name; empty: there
// is none.
func (f Folders) Find(name string) string {
	for _, dir := range f.list {
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

// Ask has the program at the path say its version, by the flag that it has for that.
func Ask(ctx context.Context, name, path, flag string) Program {
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
//	buildkitd github.com/moby/buildkit v0.33.1
//	runc version 1.5.2
//	  Version:  v0.2.0
const said = `(?m)^(?:(?:containerd|buildkitd) \S+|runc version|\s*Version:)\s+(\S+)`

func versionIn(output string) string {
	if m := regexp.MustCompile(said).FindStringSubmatch(output); m != nil {
		return m[1]
	}
	return ""
}
