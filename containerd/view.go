package containerd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/typeurl/v2"
	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// View is a container's root folder as the container sees it, with its mounts.
type View struct {
	// Root is the open folder.
	Root *os.File
	// namespace keeps what is mounted there mounted.
	namespace *os.File
}

// Close lets go of the folder. What was mounted for it goes with it.
func (v *View) Close() error { return errors.Join(v.Root.Close(), v.namespace.Close()) }

// View opens the files of a container: of one that runs the very same, of
// another what it would see if it were started now. The caller sees to it that it
// is neither started nor stopped until Close, and that what it mounts is there.
func (c *Client) View(ctx context.Context, one Container) (*View, error) {
	if one.Running() {
		return c.viewRunning(ctx, one)
	}
	stored, err := c.raw.ContainerService().Get(ctx, one.ID)
	if err != nil {
		return nil, err
	}
	var spec specs.Spec
	if err := typeurl.UnmarshalTo(stored.Spec, &spec); err != nil {
		return nil, fmt.Errorf("reading its specification: %w", err)
	}
	rootfs, err := c.Snapshots().Mounts(ctx, one.ID)
	if err != nil {
		return nil, fmt.Errorf("finding its file system: %w", err)
	}
	var v View
	err = onThreadThatEnds(func() error { return v.mount(rootfs, spec) })
	if err != nil {
		return nil, fmt.Errorf("mounting its file system: %w", err)
	}
	return &v, nil
}

// viewRunning opens the root folder of a process. Its number is the container's
// only if that still has it when the folder is open.
func (c *Client) viewRunning(ctx context.Context, one Container) (_ *View, err error) {
	var v View
	proc := fmt.Sprintf("/proc/%d/", one.Pid)
	if v.namespace, err = os.Open(proc + "ns/mnt"); err == nil {
		if v.Root, err = os.OpenFile(proc+"root", unix.O_PATH|unix.O_DIRECTORY, 0); err != nil {
			v.namespace.Close()
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	now, err := c.Container(ctx, one.ID)
	if err == nil && (!now.Running() || now.Pid != one.Pid) {
		err = ErrNotRunning
	}
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return &v, nil
}

// mount makes the view in a mount namespace of the calling thread's own: no other
// process sees it, and it goes when this one has closed it, however it ends.
func (v *View) mount(rootfs []mount.Mount, spec specs.Spec) (err error) {
	if err := apart(); err != nil {
		return err
	}
	sources, err := openSources(spec.Mounts)
	defer func() {
		for _, f := range sources {
			f.Close()
		}
	}()
	if err != nil {
		return err
	}
	if v.Root, err = mountSnapshot(rootfs, writable); err != nil {
		return err
	}
	if err = mountAll(v.Root, spec, sources); err == nil {
		v.namespace, err = os.Open("/proc/thread-self/ns/mnt")
	}
	if err != nil {
		err = errors.Join(err, v.Root.Close())
	}
	return err
}

// mountAll puts a container's mounts in their places. What is read-only becomes so
// when all are there.
func mountAll(root *os.File, spec specs.Spec, sources map[int]*os.File) error {
	for i, m := range spec.Mounts {
		if err := mountInto(root, m, sources[i]); err != nil {
			return fmt.Errorf("%s: %w", m.Destination, err)
		}
	}
	for _, m := range slices.Backward(spec.Mounts) {
		if m.Type != "tmpfs" {
			continue
		}
		if err := readOnlyAt(root, m.Destination, false); err != nil {
			return fmt.Errorf("%s: %w", m.Destination, err)
		}
	}
	if spec.Root != nil && spec.Root.Readonly {
		return setReadOnly(root, false)
	}
	return nil
}

// openSources opens what is bound, by index. What is not there any more is not
// bound.
func openSources(mounts []specs.Mount) (map[int]*os.File, error) {
	sources := map[int]*os.File{}
	for i, m := range mounts {
		if !binds(m) {
			continue
		}
		f, err := os.OpenFile(m.Source, unix.O_PATH, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return sources, err
		}
		sources[i] = f
	}
	return sources, nil
}

func binds(m specs.Mount) bool {
	return m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
}

// mountInto puts one of a container's mounts in its place. Of a tmpfs only what is
// mounted below is there while the container does not run; what the kernel makes
// up is left out.
func mountInto(root *os.File, m specs.Mount, source *os.File) error {
	if source == nil && m.Type != "tmpfs" {
		return nil
	}
	folder := true
	if source != nil {
		info, err := source.Stat()
		if err != nil {
			return err
		}
		folder = info.IsDir()
	}
	at, err := mountPoint(root, m.Destination, folder)
	if err != nil {
		return err
	}
	defer at.Close()
	if source == nil {
		return os.NewSyscallError("mount", unix.Mount("tmpfs", fdPath(at), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=64k,mode=755"))
	}
	flags := uintptr(unix.MS_BIND)
	if !slices.Contains(m.Options, "bind") {
		flags |= unix.MS_REC
	}
	if err := unix.Mount(fdPath(source), fdPath(at), "", flags, ""); err != nil {
		return os.NewSyscallError("mount", err)
	}
	recursive := slices.Contains(m.Options, "rro")
	if !recursive && !slices.Contains(m.Options, "ro") {
		return nil
	}
	return readOnlyAt(root, m.Destination, recursive)
}

// readOnlyAt makes the mount at a place read-only.
func readOnlyAt(root *os.File, target string, recursive bool) error {
	mounted, err := pathrs.OpenatInRoot(root, target)
	if err != nil {
		return err
	}
	return errors.Join(setReadOnly(mounted, recursive), mounted.Close())
}

// mountPoint opens the place of a mount, in the root whatever links are on the
// way. It is made as the runtime would make it.
func mountPoint(root *os.File, target string, folder bool) (*os.File, error) {
	at, err := pathrs.OpenatInRoot(root, target)
	if !errors.Is(err, fs.ErrNotExist) {
		return at, err
	}
	if folder {
		return pathrs.MkdirAllHandle(root, target, 0o755)
	}
	dir, err := pathrs.MkdirAllHandle(root, path.Dir(target), 0o755)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	fd, err := unix.Openat(int(dir.Fd()), path.Base(target), unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	return os.NewFile(uintptr(fd), target), nil
}

// setReadOnly makes the mount that f is the root of read-only, or all below it.
func setReadOnly(f *os.File, recursive bool) error {
	flags := uint(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(int(f.Fd()), "", flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if err == unix.ENOSYS && !recursive { // before Linux 5.12
		err = unix.Mount("", fdPath(f), "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	}
	return os.NewSyscallError("mount_setattr", err)
}

func fdPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// writable returns a mount that shows the same, with paths relative to the
// folder that is returned with it, for the reason that readOnly gives.
func writable(m mount.Mount) (dir string, _ mount.Mount) {
	m.Options = slices.Clone(m.Options)
	if m.Type != "overlay" {
		return "/", m
	}
	var layers []string
	for _, o := range m.Options {
		switch name, value, _ := strings.Cut(o, "="); name {
		case "lowerdir", "upperdir", "workdir":
			layers = append(layers, strings.Split(value, ":")...)
		}
	}
	dir = sharedFolder(layers)
	for i, o := range m.Options {
		name, value, _ := strings.Cut(o, "=")
		switch name {
		case "lowerdir", "upperdir", "workdir":
			m.Options[i] = name + "=" + strings.Join(relative(dir, strings.Split(value, ":")), ":")
		}
	}
	return dir, m
}

// relative returns paths below a folder relative to it.
func relative(dir string, paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = strings.TrimPrefix(strings.TrimPrefix(p, dir), "/")
	}
	return out
}
