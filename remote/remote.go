// Package remote brings Compose files that are elsewhere, in Git repositories and in
// registries, into folders of this host, with what belongs to them.
package remote

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gocompose/gocompose/containerd/registry"
)

// Files fetches what names ask for. What a name stands for is asked once, and what was
// fetched is used by all commands: it is kept by commit or digest.
type Files struct {
	// Dir is the folder for what is fetched, Registry how registries are reached.
	Dir      string
	Registry registry.Config
	// Terminal: Git may ask the user for passwords.
	Terminal bool
	// Warn is told what deserves attention; nil: nobody is.
	Warn func(string)

	mu    sync.Mutex
	known map[string]Copy
}

// Copy is what was fetched.
type Copy struct {
	// File is the Compose file, in Root, the folder of all that came with it, which
	// no link in it leads out of.
	File, Root string
	// Mounts has the same as Root, for containers: what they write into the files is
	// not read by the next command.
	Mounts string
	// Pinned is the name of what was fetched, by commit or digest and without a
	// password: it will be the same whenever it is asked for.
	Pinned string
	// Source is where it is from, without a version.
	Source string
}

// DefaultDir is the folder in the user's cache.
func DefaultDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "gocompose"), nil
}

// Fetch returns the copy of a Compose file.
func (f *Files) Fetch(ctx context.Context, name string) (Copy, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.known[name]; ok {
		return c, nil
	}
	r, err := parse(name)
	if err != nil {
		return Copy{}, err
	}
	fetch := f.git
	if r.registry {
		fetch = f.artifact
	}
	c, err := fetch(ctx, r)
	if err != nil {
		return Copy{}, err
	}
	if f.known == nil {
		f.known = map[string]Copy{}
	}
	f.known[name], f.known[c.Pinned] = c, c
	return c, nil
}

// Repositories are those of registries that something was fetched from, sorted.
func (f *Files) Repositories() (names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.known {
		if name, ok := strings.CutPrefix(c.Source, ociScheme); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (f *Files) warn(text string) {
	if f.Warn != nil {
		f.Warn(text)
	}
}

// copyAt describes what was kept in a folder.
func copyAt(dir, file string) Copy {
	return Copy{File: filepath.Join(dir, filesFolder, file), Root: filepath.Join(dir, filesFolder), Mounts: filepath.Join(dir, mountsFolder)}
}
