// Package namespaces keeps the IPC and PID namespaces that containers share, at
// paths that stay the same however often who is in them is started.
//
// Each container that shares one has a folder, with the namespaces bound in it
// that it joins. An IPC namespace that others may share is made before the
// container that it belongs to is started, and lives as long as anybody has it
// bound: when that container ends and is started again meanwhile, it has the
// same again. A PID namespace ends with its first process, and is bound anew at
// each start of who joins it.
package namespaces

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/unmount"
	"github.com/gocompose/gocompose/networks/netns"
)

// Host stands for the host where the ID of a container is asked for.
const Host = "host"

// ErrNotShared: the container has an IPC namespace that nobody else can share.
var ErrNotShared = errors.New("its IPC namespace is its own alone")

// Namespaces are those below one folder.
type Namespaces struct{ dir string }

// In returns those below a folder, which need not be there.
func In(dir string) Namespaces { return Namespaces{dir} }

// IPC, PID and Shm are where the namespaces of a container are bound, and the
// folder that is /dev/shm for all who share the former.
func (n Namespaces) IPC(id string) string { return filepath.Join(n.dir, id, "ipc") }

// PID is described at IPC.
func (n Namespaces) PID(id string) string { return filepath.Join(n.dir, id, "pid") }

// Shm is described at IPC.
func (n Namespaces) Shm(id string) string { return filepath.Join(n.dir, id, "shm") }

// owner is the file with the ID of the container whose IPC namespace it is.
func (n Namespaces) owner(id string) string { return filepath.Join(n.dir, id, "owner") }

// Owner returns the container whose IPC namespace the container is in, or Host;
// empty: it is in none that is kept here.
func (n Namespaces) Owner(id string) (string, error) {
	text, err := os.ReadFile(n.owner(id))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

// Kept tells whether the container's IPC namespace is there.
func (n Namespaces) Kept(id string) (bool, error) { return netns.Exists(n.IPC(id)) }

// OwnIPC gives the container an IPC namespace that others may share, with a
// /dev/shm of that size: the one that it had, where others are in that.
func (n Namespaces) OwnIPC(id string, shmSize int64) error {
	if there, err := n.Kept(id); there || err != nil {
		return err
	}
	if err := n.begin(id, id); err != nil {
		return err
	}
	sharers, err := n.sharers(id)
	if err != nil {
		return err
	}
	for _, s := range sharers {
		err := n.bindIPC(id, n.IPC(s), n.Shm(s))
		if err == nil {
			return nil
		}
		if there, _ := n.Kept(s); there {
			return err
		}
		if err := unmount.All(n.Shm(id)); err != nil { // that one has just left
			return err
		}
	}
	options := "mode=1777,size=" + strconv.FormatInt(shmSize, 10)
	if err := unix.Mount("shm", n.Shm(id), "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC|unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("making a /dev/shm to share: %w", err)
	}
	return netns.OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWIPC); err != nil {
			return fmt.Errorf("making an IPC namespace: %w", err)
		}
		return netns.Bind("/proc/thread-self/ns/ipc", n.IPC(id))
	})
}

// JoinIPC has the container share the IPC namespace of another one, or the
// host's. It fails with ErrNotShared when that has none that can be shared.
func (n Namespaces) JoinIPC(id, of string) error {
	ipc, shm, owner := "/proc/self/ns/ipc", "/dev/shm", Host
	if of != Host {
		var err error
		if owner, err = n.Owner(of); err != nil {
			return err
		}
		if owner == "" {
			return ErrNotShared
		}
		ipc, shm = n.IPC(of), n.Shm(of)
	}
	has, err := n.Owner(id)
	if err != nil {
		return err
	}
	if there, err := n.Kept(id); err != nil || there && has == owner {
		return err
	}
	if err := n.begin(id, owner); err != nil {
		return err
	}
	return n.bindIPC(id, ipc, shm)
}

// JoinPID has the container share the PID namespace that is bound at from, or
// open there.
func (n Namespaces) JoinPID(id, from string) error {
	if err := netns.Remove(n.PID(id)); err != nil {
		return err
	}
	return netns.Bind(from, n.PID(id))
}

// begin makes the container's folder, with nothing in it of an attempt that was
// cut short, or of another owner's.
func (n Namespaces) begin(id, owner string) error {
	if err := os.MkdirAll(n.Shm(id), 0o700); err != nil {
		return err
	}
	if err := errors.Join(netns.Remove(n.IPC(id)), unmount.All(n.Shm(id))); err != nil {
		return err
	}
	return os.WriteFile(n.owner(id), []byte(owner), 0o600)
}

// bindIPC binds a namespace and its /dev/shm for the container, the namespace
// last: where that is bound, all is there.
func (n Namespaces) bindIPC(id, ipc, shm string) error {
	if err := unix.Mount(shm, n.Shm(id), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("sharing %s: %w", shm, err)
	}
	return netns.Bind(ipc, n.IPC(id))
}

// sharers returns the containers that are in the IPC namespace of another one.
func (n Namespaces) sharers(of string) ([]string, error) {
	entries, err := os.ReadDir(n.dir)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		owner, err := n.Owner(e.Name())
		if err != nil {
			return nil, err
		}
		there, err := n.Kept(e.Name())
		if err != nil {
			return nil, err
		}
		if owner == of && e.Name() != of && there {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// Release unbinds what the container shares. A namespace goes with the last who
// has it bound, or is in it. Nothing there is no error.
func (n Namespaces) Release(id string) error {
	dir := filepath.Join(n.dir, id)
	if id == "" || strings.ContainsRune(id, filepath.Separator) {
		return fmt.Errorf("%q is no container's ID", id)
	}
	for _, step := range []func() error{
		func() error { return netns.Remove(n.PID(id)) },
		func() error { return netns.Remove(n.IPC(id)) },
		func() error { return unmount.All(n.Shm(id)) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	for _, path := range []string{n.Shm(id), n.owner(id), dir} { // empty, or it is not ours
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(n.dir); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) {
		return err
	}
	return nil
}
