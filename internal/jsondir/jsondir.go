// Package jsondir keeps records in a folder, each as a JSON file of its name.
package jsondir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gocompose/gocompose/internal/atomicfile"
)

const suffix = ".json"

// Dir is a folder of records of one type.
type Dir[T any] struct {
	Path string
	// Check says what is wrong with a name, if anything: no name may be a path.
	// Files whose names do not pass are no records.
	Check func(name string) error
}

func (d Dir[T]) file(name string) (string, error) {
	if err := d.Check(name); err != nil {
		return "", err
	}
	return filepath.Join(d.Path, name+suffix), nil
}

// Write replaces the record of that name in one step. It survives the death of
// the process; WriteDurable also a power cut.
func (d Dir[T]) Write(name string, v T) error { return d.write(name, v, atomicfile.Write) }

// WriteDurable is Write that also survives a power cut once it has returned.
func (d Dir[T]) WriteDurable(name string, v T) error {
	return d.write(name, v, atomicfile.WriteDurable)
}

// Rewrite is Write of a record that is there, and leaves WrittenAt as it was.
func (d Dir[T]) Rewrite(name string, v T) error { return d.write(name, v, atomicfile.Rewrite) }

func (d Dir[T]) write(name string, v T, replace func(string, []byte, fs.FileMode) error) error {
	path, err := d.file(name)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return replace(path, append(data, '\n'), 0o600)
}

// Read returns the record of that name; the error is fs.ErrNotExist when there
// is none.
func (d Dir[T]) Read(name string) (T, error) {
	var v T
	path, err := d.file(name)
	if err != nil {
		return v, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("reading the record %s: %w", path, err)
	}
	return v, nil
}

// WrittenAt returns when the record of that name was written last, by the clock
// of the file system, which may be a few milliseconds behind.
func (d Dir[T]) WrittenAt(name string) (time.Time, error) {
	path, err := d.file(name)
	if err != nil {
		return time.Time{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// Names returns the names of the records, sorted. No folder is no records.
func (d Dir[T]) Names() ([]string, error) {
	entries, err := os.ReadDir(d.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && d.Check(name) == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

// List returns the records that can be read, sorted by name, and an error for
// each of the others.
func (d Dir[T]) List() ([]T, error) {
	names, err := d.Names()
	if err != nil {
		return nil, err
	}
	var all []T
	var errs []error
	for _, name := range names {
		v, err := d.Read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
		case err != nil:
			errs = append(errs, err)
		default:
			all = append(all, v)
		}
	}
	return all, errors.Join(errs...)
}

// Remove removes the record of that name. None is no error.
func (d Dir[T]) Remove(name string) error {
	path, err := d.file(name)
	if err != nil {
		return err
	}
	return atomicfile.Remove(path)
}
