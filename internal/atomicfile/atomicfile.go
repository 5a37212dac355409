// Package atomicfile replaces a file's content in one step: a reader sees all
// of the old or all of the new.
package atomicfile

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Write replaces path by data, with mode perm, and makes the folder it lies in.
// It survives the death of the process at any point; after a power cut the
// file may be the old one, the new one or empty.
func Write(path string, data []byte, perm fs.FileMode) error {
	return write(path, data, perm, func(*os.File) error { return nil })
}

// Rewrite is Write that leaves the time at which the file was last written as it
// was. The file must be there.
func Rewrite(path string, data []byte, perm fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return write(path, data, perm, func(f *os.File) error { return os.Chtimes(f.Name(), time.Time{}, info.ModTime()) })
}

// WriteDurable is Write that also survives a power cut once it has returned.
func WriteDurable(path string, data []byte, perm fs.FileMode) error {
	return write(path, data, perm, (*os.File).Sync)
}

// WriteJSON writes v, indented, for files that people may look into.
func WriteJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return WriteDurable(path, append(data, '\n'), 0o600)
}

func write(path string, data []byte, perm fs.FileMode, sync func(*os.File) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, temporary(path))
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		f, err = os.CreateTemp(dir, temporary(path))
	}
	if err != nil {
		return err
	}
	_, werr := f.Write(data)
	err = errors.Join(werr, f.Chmod(perm), sync(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// temporary is the pattern of what a file's content is written to first. What a
// killed process leaves of it begins with a dot, and goes with the file.
func temporary(path string) string { return ".new-" + filepath.Base(path) + "-*" }

// Remove takes path away, with what processes that were killed while they wrote
// it have left. No such file is no error. Nobody may be writing it meanwhile.
func Remove(path string) error {
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), temporary(path)))
	errs := []error{err}
	for _, p := range append(left, path) {
		if err := os.Remove(p); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
