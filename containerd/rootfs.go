package containerd

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	"golang.org/x/sys/unix"
)

// Rootfs is a container's root file system, to be read. No other process sees
// it mounted, and it goes with this one, however it ends.
type Rootfs struct{ dir *os.File }

// Path returns a path of the root that holds in this process until Close.
func (r *Rootfs) Path() string { return fmt.Sprintf("/proc/self/fd/%d", r.dir.Fd()) }

// Close takes the mount away.
func (r *Rootfs) Close() error { return r.dir.Close() }

// Rootfs returns what container id would see as its root if it were started
// now, without its mounts.
func (c *Client) Rootfs(ctx context.Context, id string) (*Rootfs, error) {
	mounts, err := c.Snapshots().Mounts(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("finding its file system: %w", err)
	}
	return OpenMounts(mounts)
}

// mountApart gives the calling thread a mount namespace, mounts the snapshot
// there, to be read, and opens its root. The thread is of no use for anything else
// after.
func mountApart(mounts []mount.Mount) (*os.File, error) {
	if err := apart(); err != nil {
		return nil, err
	}
	return mountSnapshot(mounts, readOnly)
}

// apart gives the calling thread a mount namespace.
func apart() error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("leaving the host's mounts alone: %w", err)
	}
	return nil
}

// mountSnapshot mounts a snapshot as the form says and opens its root.
func mountSnapshot(mounts []mount.Mount, form func(mount.Mount) (dir string, _ mount.Mount)) (*os.File, error) {
	// Any folder will do: what it hides is hidden from this thread only.
	const target = "/sys"
	for _, m := range mounts {
		dir, m := form(m)
		if err := unix.Chdir(dir); err != nil {
			return nil, fmt.Errorf("chdir %s: %w", dir, err)
		}
		if err := m.Mount(target); err != nil {
			return nil, err
		}
	}
	fd, err := unix.Open(target, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return os.NewFile(uintptr(fd), "rootfs"), nil
}

// readOnly returns a mount that shows the same and writes nothing, together
// with the folder its paths are relative to.
//
// An overlay becomes one of lower layers only: an upper layer must not be
// mounted twice. Its layers are written relative to the folder they share,
// because the options of an image with many would not fit into a page.
func readOnly(m mount.Mount) (dir string, _ mount.Mount) {
	m.Options = slices.Clone(m.Options)
	if m.Type != "overlay" {
		m.Options = slices.DeleteFunc(m.Options, func(o string) bool { return o == "rw" || o == "ro" })
		m.Options = append(m.Options, "ro")
		return "/", m
	}
	var layers, options []string
	for _, o := range m.Options {
		name, value, _ := strings.Cut(o, "=")
		switch name {
		case "upperdir":
			layers = append([]string{value}, layers...)
		case "lowerdir":
			layers = append(layers, strings.Split(value, ":")...)
		case "workdir":
		default:
			options = append(options, o)
		}
	}
	dir = sharedFolder(layers)
	m.Options = append(options, "lowerdir="+strings.Join(relative(dir, layers), ":"))
	return dir, m
}

// sharedFolder returns the deepest folder that all the absolute paths lie below.
func sharedFolder(paths []string) string {
	if len(paths) == 0 {
		return "/"
	}
	dir := path.Dir(paths[0])
	for _, p := range paths {
		for dir != "/" && !strings.HasPrefix(p, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	return dir
}
