// Package volumes keeps the data of named and anonymous volumes: one folder a
// volume, with its record and its content.
//
// A volume is user data. Nothing here removes one unless Remove is called with
// its name.
package volumes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/atomicfile"
	"github.com/gocompose/gocompose/project"
)

// ErrNotFound: there is no volume of that name.
var ErrNotFound = errors.New("no such volume")

// Store is the folder of all volumes: <dir>/<name>/volume.json is the record,
// <dir>/<name>/_data the content.
type Store struct{ dir string }

// Open returns the store in dir. Nothing is touched before it is used.
func Open(dir string) *Store { return &Store{dir} }

// Volume is one volume that exists.
type Volume struct {
	project.Volume
	CreatedAt time.Time `json:"createdAt"`
}

const (
	record  = "volume.json"
	content = "_data"
	// Folders that are not yet, or no longer, volumes. No volume's name begins
	// with a dot.
	making = ".making-"
	gone   = ".gone-"
)

// validName is Docker's rule for volume names.
var validName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

func (s *Store) path(name string) (string, error) {
	if !validName.MatchString(name) || len(name) > 255 {
		return "", fmt.Errorf("invalid volume name %q: letters, digits, _ . - only, a letter or digit first", name)
	}
	return filepath.Join(s.dir, name), nil
}

// Create makes v, empty, or finds it made.
func (s *Store) Create(_ context.Context, v project.Volume) error {
	path, err := s.path(v.Name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o711); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(s.dir, making)
	if err != nil {
		return err
	}
	err = build(tmp, Volume{v, time.Now().UTC()})
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		err = errors.Join(err, os.RemoveAll(tmp))
	}
	if _, found := os.Stat(path); found == nil {
		return nil // somebody else was first
	}
	return err
}

func build(dir string, v Volume) error {
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	data := filepath.Join(dir, content)
	if err := os.Mkdir(data, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(data, 0o755); err != nil { // whatever the umask says
		return err
	}
	return atomicfile.WriteJSON(filepath.Join(dir, record), v)
}

// Remove destroys the volume and its data. No volume of that name is no error.
func (s *Store) Remove(_ context.Context, name string) error {
	path, err := s.path(name)
	if err != nil {
		return err
	}
	// The name goes first and at once; what an interrupted removal leaves has
	// no name any more and is swept by the next one.
	err = os.Rename(path, filepath.Join(s.dir, fmt.Sprintf("%s%d-%s", gone, time.Now().UnixNano(), name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.sweep()
}

func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), gone) {
			errs = append(errs, os.RemoveAll(filepath.Join(s.dir, e.Name())))
		}
	}
	return errors.Join(append(errs, err)...)
}

// Get returns one volume, or ErrNotFound.
func (s *Store) Get(name string) (Volume, error) {
	path, err := s.path(name)
	if err != nil {
		return Volume{}, err
	}
	data, err := os.ReadFile(filepath.Join(path, record))
	if errors.Is(err, fs.ErrNotExist) {
		return Volume{}, fmt.Errorf("volume %q: %w", name, ErrNotFound)
	}
	if err != nil {
		return Volume{}, err
	}
	var v Volume
	if err := json.Unmarshal(data, &v); err != nil {
		return Volume{}, fmt.Errorf("reading the record of volume %q: %w", name, err)
	}
	return v, nil
}

// List returns all volumes, sorted by name.
func (s *Store) List() ([]Volume, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var vs []Volume
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		v, err := s.Get(e.Name())
		if errors.Is(err, ErrNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	return vs, nil
}

// Data returns the folder of the volume's content, which containers mount.
func (s *Store) Data(name string) (string, error) {
	path, err := s.path(name)
	return filepath.Join(path, content), err
}

// lock holds the volume until the returned function is called: two containers
// that use a new volume must not fill it both.
func lock(dir string) (unlock func() error, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(d.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d.Close, nil
}
