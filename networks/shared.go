package networks

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/netns"
)

// A container that shares the namespace of another one has it bound at a path of
// its own. So when the other ends and is started again, while this one runs on,
// the namespace is found again here, and gets its links anew. Each sharer is a
// file in the folder of whose namespace it is in.

func (n *Networks) sharedDir(owner string) string {
	return filepath.Join(n.paths.Shared(), owner)
}

// join makes e a sharer of the namespace of the container of. The caller has the
// lock on records.
func (n *Networks) join(e *endpoint.Endpoint, of string) error {
	e.Of = of
	if of != HostNamespace {
		owner, err := endpoint.Read(n.paths.Endpoints(), of)
		if errors.Is(err, endpoint.ErrNotFound) {
			return fmt.Errorf("the container whose network it shares does not run: start that first")
		}
		if err != nil {
			return err
		}
		if owner.Of != "" {
			e.Of = owner.Of
		}
	}
	dir := n.sharedDir(e.Of)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, e.ID), nil, 0o600); err != nil {
		return err
	}
	return endpoint.Write(n.paths.Endpoints(), *e)
}

// bindShared binds the namespace that e shares at its own path: while whose it is
// is just being started again, that of another sharer is the same.
func (n *Networks) bindShared(e endpoint.Endpoint) error {
	exists, err := netns.Exists(e.Netns)
	if err != nil || exists {
		return err
	}
	if e.Of == HostNamespace {
		return netns.Bind("/proc/self/ns/net", e.Netns)
	}
	from := filepath.Join(n.paths.Netns(), e.Of)
	if exists, err = netns.Exists(from); err != nil {
		return err
	}
	if !exists {
		kept, err := n.kept(e.Of)
		if err != nil {
			return err
		}
		from = cmp.Or(kept, from)
	}
	return netns.Bind(from, e.Netns)
}

// namespace tells whether the container's namespace exists; one that sharers have
// kept is bound at its path again.
func (n *Networks) namespace(e endpoint.Endpoint) (bool, error) {
	exists, err := netns.Exists(e.Netns)
	if err != nil || exists {
		return exists, err
	}
	kept, err := n.kept(e.ID)
	if err != nil || kept == "" {
		return false, err
	}
	return true, netns.Bind(kept, e.Netns)
}

// kept returns the path at which a sharer has the namespace of the container;
// empty: none has.
func (n *Networks) kept(owner string) (string, error) {
	sharers, err := os.ReadDir(n.sharedDir(owner))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for _, s := range sharers {
		path := filepath.Join(n.paths.Netns(), s.Name())
		if is, err := netns.Exists(path); err == nil && is {
			return path, nil
		}
	}
	return "", nil
}

// leave undoes join, also that of an attempt that was cut short before there was a
// record.
func (n *Networks) leave(id string) error {
	joined, err := filepath.Glob(filepath.Join(n.sharedDir("*"), id)) // no ID has a character that means something
	if err != nil {
		return err
	}
	for _, file := range joined {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		dir := filepath.Dir(file)
		for _, d := range []string{dir, filepath.Dir(dir)} {
			if entries, err := os.ReadDir(d); err == nil && len(entries) == 0 {
				if err := removeIfEmpty(d); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
