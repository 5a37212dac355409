package loader

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/gocompose/gocompose/project"
)

// readLock reads the lock of the files, and says what to do if there is none.
func (s *source) readLock() (Lock, error) {
	path := s.lockPath()
	l, err := ReadLock(path)
	if errors.Is(err, fs.ErrNotExist) {
		if of := s.lockOf(path); of != "" {
			return l, fmt.Errorf("no lock came with %s, which --locked asks for: %w", of, ErrLockElsewhere(of))
		}
		return l, fmt.Errorf("there is no %s, which --locked asks for: write it with `gocompose lock`", s.display(path))
	}
	return l, err
}

// lock puts the digests of a lock after the names of the images that are not built.
func (c *converter) lock(l Lock, p *project.Project) {
	for i := range p.Services {
		s := &p.Services[i]
		at := place{c, []string{"services", s.Name}}
		own := s.Template.Image
		others := s.Template.AllImages()[1:]
		if s.Build == nil && own != "" && !slices.Contains(p.Builds, own) {
			s.Template.Image = at.in("image").locked(own, l.Services[s.Name].Image)
		}
		as := map[string]string{own: s.Template.Image}
		for _, other := range others {
			if _, done := as[other.Ref]; !done && !slices.Contains(p.Builds, other.Ref) {
				as[other.Ref] = at.lockedOther(other.Ref, l)
			}
		}
		repoint(&s.Template, as)
	}
}

// locked is the image of a service with the digest that the lock has for it.
func (p place) locked(ref, lock string) string {
	name, found, _ := strings.Cut(lock, "@")
	switch {
	case lock == ref:
	case lock == "":
		p.problem("%s is not in %s: run `gocompose lock`", ref, LockName)
	case name == ref:
		return pinned(ref, found)
	default:
		p.problem("%s is not what %s has for it, %s: run `gocompose lock`", ref, LockName, name)
	}
	return ref
}

// lockedOther is an image that a service mounts, or that runs before it.
func (p place) lockedOther(ref string, l Lock) string {
	found, ok := l.Others[ref]
	switch {
	case strings.Contains(ref, "@"):
	case !ok:
		p.problem("the image %s, which it mounts or runs before, is not in %s: run `gocompose lock`", ref, LockName)
	default:
		return pinned(ref, found)
	}
	return ref
}

// repoint exchanges the images that the container mounts, and those of what runs before
// it.
func repoint(c *project.Container, as map[string]string) {
	change := func(ref *string) {
		if to, ok := as[*ref]; ok {
			*ref = to
		}
	}
	for i := range c.Mounts {
		if c.Mounts[i].Type == project.MountImage {
			change(&c.Mounts[i].Source)
		}
	}
	for i := range c.Hooks.BeforeStart {
		before := &c.Hooks.BeforeStart[i].Container
		change(&before.Image)
		repoint(before, as)
	}
}

// pinned is the name with the digest, and without a tag.
func pinned(ref, digest string) string {
	named, err := reference.ParseDockerRef(ref + "@" + digest)
	if err != nil {
		return ref + "@" + digest
	}
	return named.String()
}
