// Package content reads the contents of secrets and configs from where they are on
// the host.
package content

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gocompose/gocompose/project"
)

// MaxSize is how large a content may be, in bytes: it is kept in memory for as
// long as the container is there.
const MaxSize = 10 << 20

// Where external secrets and configs are, unless the environment says otherwise.
const (
	DefaultSecrets = "/etc/gocompose/secrets"
	DefaultConfigs = "/etc/gocompose/configs"
)

// Folders are where external secrets and configs are looked for, in order: one
// file each, by its name.
type Folders struct{ Secrets, Configs []string }

// FromEnv returns the folders that an environment asks for: systemd's
// CREDENTIALS_DIRECTORY for secrets, then GOCOMPOSE_SECRETS and
// GOCOMPOSE_CONFIGS or the defaults.
func FromEnv(getenv func(string) string) Folders {
	or := func(name, def string) string {
		v := getenv(name)
		if v == "" {
			return def
		}
		if abs, err := filepath.Abs(v); err == nil {
			return abs
		}
		return v
	}
	f := Folders{
		Secrets: []string{or("GOCOMPOSE_SECRETS", DefaultSecrets)},
		Configs: []string{or("GOCOMPOSE_CONFIGS", DefaultConfigs)},
	}
	if dir := getenv("CREDENTIALS_DIRECTORY"); filepath.IsAbs(dir) {
		f.Secrets = append([]string{dir}, f.Secrets...)
	}
	return f
}

func (f Folders) of(kind project.FileKind) []string {
	if kind == project.KindSecret {
		return f.Secrets
	}
	return f.Configs
}

// ErrNotFound: there is no such file.
var ErrNotFound = errors.New("there is no such file")

// Read returns what is in a file of the host. The errors are for users, without
// what was read.
func Read(path string) ([]byte, error) {
	// A pipe would be waited for.
	return read(os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0))
}

// External returns what is in the external secret or config of a name. It cannot
// lead out of its folder. The error is ErrNotFound, with where it was looked for,
// when it is in none.
func (f Folders) External(kind project.FileKind, name string) ([]byte, error) {
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("the name %q leads out of the folder it is looked for in", name)
	}
	var looked []string
	for _, dir := range f.of(kind) {
		content, err := inFolder(dir, name)
		if !errors.Is(err, ErrNotFound) {
			if err != nil {
				err = fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
			}
			return content, err
		}
		looked = append(looked, filepath.Join(dir, name))
	}
	return nil, fmt.Errorf("%w: looked for %s; make it", ErrNotFound, strings.Join(looked, " and "))
}

func inFolder(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return read(nil, err)
	}
	content, err := read(root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0))
	return content, errors.Join(err, root.Close())
}

func read(f *os.File, err error) (_ []byte, rerr error) {
	if err != nil {
		return nil, plainly(err)
	}
	defer func() { rerr = errors.Join(rerr, f.Close()) }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, plainly(err)
	case info.IsDir():
		return nil, errors.New("is a folder; name a file, or use a bind mount")
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file; use a bind mount")
	}
	content, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, plainly(err)
	}
	if len(content) > MaxSize {
		return nil, fmt.Errorf("is larger than %d MiB; use a bind mount", MaxSize>>20)
	}
	return content, nil
}

// plainly leaves out the path, which the caller tells.
func plainly(err error) error {
	var at *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return ErrNotFound
	case errors.Is(err, fs.ErrPermission):
		return errors.New("cannot be read: permission denied; run this as root")
	case errors.As(err, &at):
		return fmt.Errorf("cannot be read: %w", at.Err)
	}
	return fmt.Errorf("cannot be read: %w", err)
}
