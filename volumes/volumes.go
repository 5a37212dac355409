// Package volumes keeps the data of named and anonymous volumes: one folder a
// volume, with its record and its content.
//
// A volume is user data. Nothing here removes one unless Remove is called with
// its name.
package volumes

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/atomicfile"
	"github.com/gocompose/gocompose/project"
)

// ErrNotFound: there is no volume of that name.
var ErrNotFound = errors.New("no such volume")

// Store is the folder of all volumes: <dir>/<name>/volume.json is the record,
// <dir>/<name>/_data the content. It is for root alone: what containers write
// there, programs that are set-user-ID too, is for nobody else of this host.
//
// What the options of a volume say is mounted on its content while it is used;
// <used>/<name>/ has an empty file for each user.
type Store struct{ dir, used string }

// Open returns the store in dir, whose notes of users are in used, which need
// not outlive a reboot. Nothing is touched before it is used.
func Open(dir, used string) *Store { return &Store{dir, used} }

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
var validName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`) })

func (s *Store) path(name string) (string, error) {
	if !validName().MatchString(name) || len(name) > 255 {
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
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	// A removal that runs at the same time may sweep the folder away in the
	// moment before it is locked.
	for range makeAttempts {
		if err = s.make(v, path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

const makeAttempts = 3

func (s *Store) make(v project.Volume, path string) (err error) {
	tmp, err := os.MkdirTemp(s.dir, making)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	unlock, err := lock(tmp) // so that it is seen to be in the making
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := build(tmp, Volume{v, time.Now().UTC()}); err != nil {
		return err
	}
	err = os.Rename(tmp, path)
	if _, found := os.Stat(path); err != nil && found == nil {
		return os.RemoveAll(tmp) // somebody else was first
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

// Remove destroys the volume and its data. What is mounted there, by its options,
// is unmounted before and stays as it is. No volume of that name is no error.
func (s *Store) Remove(ctx context.Context, name string) error {
	return s.RemoveIf(ctx, name, func() error { return nil })
}

// RemoveIf is Remove, unless free has an error: it is asked when nobody can begin
// to use the volume any more.
func (s *Store) RemoveIf(_ context.Context, name string, free func() error) error {
	path, err := s.path(name)
	if err != nil {
		return err
	}
	unlock, err := s.hold(name)
	switch {
	case err == nil:
		if err = free(); err == nil {
			err = s.discard(name, path)
		}
		err = errors.Join(err, unlock())
	case errors.Is(err, ErrNotFound):
		err = nil
	}
	return errors.Join(err, s.Sweep())
}

// discard takes the volume's name away at once; what an interrupted removal
// leaves has no name any more and is swept away by the next command.
func (s *Store) discard(name, path string) error {
	users, err := s.usersOf(name)
	if err != nil {
		return err
	}
	if len(users) > 0 {
		return fmt.Errorf("volume/%s: %w by %s", name, ErrInUse, strings.Join(users, ", "))
	}
	if err := bare(path); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(s.used, name)); err != nil {
		return err
	}
	return os.Rename(path, filepath.Join(s.dir, gone+rand.Text()))
}

// bare unmounts what is mounted on the content of the volume in a folder. With
// anything else mounted there it must not be removed.
func bare(path string) error {
	if err := uncover(filepath.Join(path, content)); err != nil {
		return err
	}
	left, err := mountsIn(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("something is mounted on %s: unmount it first", left[0])
	}
	return err
}

// Sweep takes away what interrupted removals and makings have left.
func (s *Store) Sweep() error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var errs []error
	for _, e := range entries {
		path := filepath.Join(s.dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), gone):
			err := bare(path)
			if err == nil {
				err = os.RemoveAll(path)
			}
			if !errors.Is(err, fs.ErrNotExist) { // another removal may be faster
				errs = append(errs, err)
			}
		case strings.HasPrefix(e.Name(), making):
			errs = append(errs, removeUnlocked(path))
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
	d, err := locked(dir, unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	return d.Close, nil
}

// removeUnlocked removes a folder that nobody holds.
func removeUnlocked(dir string) error {
	d, err := locked(dir, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(dir), d.Close())
}

// locked returns the folder, open, which is locked until it is closed.
func locked(dir string, how int) (*os.File, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(d.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}
