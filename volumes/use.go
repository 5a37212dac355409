package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/unmount"
)

// whole is a file in a volume's folder of users: what its options say is mounted,
// all of it. No container's ID begins with a dot.
const whole = ".mounted"

// ErrInUse: containers use the volume.
var ErrInUse = errors.New("it is in use")

// Use has what the volume's options say mounted on its content until user, a
// container's ID, and all others have released it. A volume without options is
// always there. It may be repeated.
func (s *Store) Use(ctx context.Context, name, user string) error {
	v, err := s.Get(name)
	if err != nil || len(v.Options) == 0 {
		return err
	}
	return s.Claim(ctx, name, user)
}

// Claim is Use that also keeps a volume without options from being removed: of
// who makes a container nothing else tells yet that it has the volume.
func (s *Store) Claim(ctx context.Context, name, user string) (err error) {
	unlock, err := s.hold(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	v, err := s.Get(name)
	if err != nil {
		return err
	}
	users := filepath.Join(s.used, name)
	if err := os.MkdirAll(users, 0o700); err != nil {
		return err
	}
	if err := touch(filepath.Join(users, user)); err != nil {
		return err
	}
	if len(v.Options) == 0 {
		return nil
	}
	if err := s.mount(ctx, v, users); err != nil {
		return errors.Join(fmt.Errorf("volume/%s: %w", name, err), s.drop(name, user))
	}
	return nil
}

// mount mounts the volume unless that is done. What a killed process has left
// of it, a bind that is not read-only yet, is made anew.
func (s *Store) mount(ctx context.Context, v Volume, users string) error {
	data, err := s.Data(v.Name)
	if err != nil {
		return err
	}
	on, err := mountedOn(data)
	if err != nil {
		return err
	}
	done := filepath.Join(users, whole)
	if _, err := os.Lstat(done); on && err == nil {
		return nil
	}
	if err := uncover(data); err != nil {
		return err
	}
	c, err := callOf(ctx, v.Options, lookUp)
	if err != nil {
		return err
	}
	if err := c.mount(data); err != nil {
		return c.explain(err)
	}
	return touch(done)
}

func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Release ends what user uses. What nobody uses any more is unmounted.
func (s *Store) Release(user string) error {
	all, err := os.ReadDir(s.used)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, v := range all {
		if _, err := os.Lstat(filepath.Join(s.used, v.Name(), user)); err == nil {
			errs = append(errs, s.release(v.Name(), user))
		}
	}
	return errors.Join(errs...)
}

func (s *Store) release(name, user string) error {
	unlock, err := s.hold(name)
	if errors.Is(err, ErrNotFound) { // and so is what was on it
		return os.RemoveAll(filepath.Join(s.used, name))
	}
	if err != nil {
		return err
	}
	return errors.Join(s.drop(name, user), unlock())
}

// drop is release for who holds the volume. The note goes last, so that a killed
// process leaves who is to be released.
func (s *Store) drop(name, user string) error {
	data, err := s.Data(name)
	if err != nil {
		return err
	}
	users, err := s.usersOf(name)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(users, func(u string) bool { return u != user }) {
		return os.Remove(filepath.Join(s.used, name, user))
	}
	if v, err := s.Get(name); err != nil || len(v.Options) > 0 {
		if err := uncover(data); err != nil {
			return fmt.Errorf("unmounting volume/%s: %w", name, err)
		}
	}
	return os.RemoveAll(filepath.Join(s.used, name))
}

// Users returns the IDs of all that use volumes with options, or have claimed
// others, sorted.
func (s *Store) Users() ([]string, error) {
	volumes, err := os.ReadDir(s.used)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	errs := []error{err}
	var all []string
	for _, v := range volumes {
		users, err := s.usersOf(v.Name())
		errs = append(errs, err)
		all = append(all, users...)
	}
	slices.Sort(all)
	return slices.Compact(all), errors.Join(errs...)
}

func (s *Store) usersOf(name string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.used, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var users []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			users = append(users, e.Name())
		}
	}
	return users, err
}

// hold locks the volume's folder, which is there as long as that lasts.
func (s *Store) hold(name string) (unlock func() error, err error) {
	path, err := s.path(name)
	if err != nil {
		return nil, err
	}
	for {
		d, err := locked(path, unix.LOCK_EX)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("volume %q: %w", name, ErrNotFound)
		}
		if err != nil {
			return nil, err
		}
		have, err := d.Stat()
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
		if there, err := os.Stat(path); err == nil && os.SameFile(have, there) {
			return d.Close, nil
		}
		// It was removed while this waited, and perhaps made anew.
		if err := d.Close(); err != nil {
			return nil, err
		}
	}
}

// uncover takes away what is mounted on dir, by the table of mounts.
func uncover(dir string) error {
	for {
		on, err := mountedOn(dir)
		if !on || err != nil {
			return err
		}
		if err := unmount.One(dir); err != nil {
			return err
		}
	}
}

func mountedOn(dir string) (bool, error) {
	if _, err := os.Lstat(filepath.Dir(dir)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	in, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if err != nil {
		return false, err
	}
	// The folder itself is not looked at: a server that does not answer would
	// keep whoever asks waiting.
	all, err := mountsIn(in)
	return slices.Contains(all, filepath.Join(in, filepath.Base(dir))), err
}

// mountsIn returns where something is mounted: dir itself, as often as there is
// something on it, and what lies below.
func mountsIn(dir string) ([]string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	found, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	at := make([]string, len(found))
	for i, m := range found {
		at[i] = m.Mountpoint
	}
	return at, err
}
