package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
	"github.com/moby/patternmatcher/ignorefile"
	"golang.org/x/sys/unix"
)

// Host is the disk of this host.
type Host struct{}

// Folder is described at Disk.
func (Host) Folder(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return info.IsDir(), nil
}

// Ignored is described at Disk.
func (Host) Ignored(folder string) ([]string, error) {
	f, err := os.Open(filepath.Join(folder, ".dockerignore"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	patterns, err := ignorefile.ReadAll(f)
	return patterns, errors.Join(err, f.Close())
}

// Files tells which of the files that rules are about change.
type Files struct {
	rules   *Rules
	watcher *fsnotify.Watcher
	paths   chan []string
}

// Watch begins to watch. Whoever calls it reads Paths after, until Run ends.
func Watch(rules *Rules) (*Files, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	f := &Files{rules: rules, watcher: w, paths: make(chan []string)}
	for _, path := range rules.Paths() {
		info, err := os.Stat(path)
		if err == nil && !info.IsDir() {
			// Editors put another file in its place.
			err = f.add(filepath.Dir(path))
		} else if err == nil {
			_, err = f.tree(path)
		}
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	return f, nil
}

// Paths brings where something has happened.
func (f *Files) Paths() <-chan []string { return f.paths }

// Existing are all files and folders that the rules may be about.
func (f *Files) Existing() ([]string, error) {
	var all []string
	for _, path := range f.rules.Paths() {
		found, err := f.walk(path, func(string) error { return nil })
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// Run watches until ctx ends.
func (f *Files) Run(ctx context.Context) error {
	defer close(f.paths)
	for {
		var paths []string
		var err error
		select {
		case <-ctx.Done():
			return f.watcher.Close()
		case e := <-f.watcher.Events:
			paths, err = f.event(e)
		case err = <-f.watcher.Errors:
			if errors.Is(err, fsnotify.ErrEventOverflow) { // what has changed is not known
				paths, err = f.Existing()
			}
		}
		if err != nil {
			return errors.Join(err, f.watcher.Close())
		}
		select {
		case f.paths <- paths:
		case <-ctx.Done():
			return f.watcher.Close()
		}
	}
}

// event returns where something has happened. A new folder is watched, and what
// is in it by then has happened too.
func (f *Files) event(e fsnotify.Event) ([]string, error) {
	if e.Op == fsnotify.Chmod {
		return nil, nil
	}
	if !e.Has(fsnotify.Create) {
		return []string{e.Name}, nil
	}
	info, err := os.Lstat(e.Name)
	if err != nil || !info.IsDir() || !f.rules.Looks(e.Name) {
		return []string{e.Name}, nil // gone again, perhaps
	}
	return f.tree(e.Name)
}

// tree watches a folder with all below it, and returns what is there.
func (f *Files) tree(path string) ([]string, error) { return f.walk(path, f.add) }

// walk calls visit with the folders, before it looks at what is in them.
func (f *Files) walk(path string, visit func(folder string) error) ([]string, error) {
	var all []string
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path += "/" // which has a link followed that leads to the folder itself
	}
	err := filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // it was removed meanwhile
		case err != nil:
			return err
		}
		at = filepath.Clean(at)
		all = append(all, at)
		if !d.IsDir() {
			return nil
		}
		if !f.rules.Looks(at) {
			return fs.SkipDir
		}
		return visit(at)
	})
	return all, err
}

func (f *Files) add(folder string) error {
	err := f.watcher.Add(folder)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("there are more folders below %s than the kernel watches: ignore some in develop.watch, or raise fs.inotify.max_user_watches with sysctl",
			strings.Join(f.rules.Paths(), ", "))
	}
	return err
}
