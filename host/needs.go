package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
)

// NeedImages keeps others from pruning the images of p, which are here or about to be,
// until done: no container is made from them yet, nor what is built of them. It is a file that is
// locked as long as this process holds it.
func NeedImages(where paths.Paths, p *project.Project) (done func() error, err error) {
	refs := []string{"project " + p.Name}
	for _, s := range slices.Concat(p.Services, p.Bases) {
		for _, i := range s.Template.AllImages() {
			refs = append(refs, i.Ref)
		}
		refs = append(refs, s.BuiltOf()...)
	}
	if err := os.MkdirAll(where.Needs(), 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(where.Needs(), ".")
	if err != nil {
		return nil, err
	}
	whole := filepath.Join(where.Needs(), filepath.Base(f.Name())[1:])
	_, err = f.WriteString(strings.Join(refs, "\n"))
	if err == nil {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
	}
	if err == nil {
		err = os.Rename(f.Name(), whole)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return func() error { return errors.Join(removeIfThere(whole), f.Close()) }, nil
}

// neededImages returns who needs each image, by its name: "project shop". What killed
// commands needed is taken away.
func (h *Host) neededImages() (map[string][]string, error) {
	dir := h.cfg.Paths.Needs()
	there, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	needed := map[string][]string{}
	for _, e := range there {
		if err != nil || strings.HasPrefix(e.Name(), ".") { // it is being written
			continue
		}
		var refs []string
		refs, err = needs(filepath.Join(dir, e.Name()))
		for _, ref := range refs[min(1, len(refs)):] {
			if !slices.Contains(needed[ref], refs[0]) {
				needed[ref] = append(needed[ref], refs[0])
			}
		}
	}
	return needed, err
}

// needs reads the file of a command that is going on.
func needs(path string) ([]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if err == nil {
		return nil, removeIfThere(path)
	}
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) { // it has just ended
		return nil, nil
	}
	return strings.Split(string(text), "\n"), err
}
