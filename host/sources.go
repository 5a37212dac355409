package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/project"
)

// sources sees to it that what a container binds is still there, before it is
// started. Nothing is made: what was removed may have been a file.
func sources(mounts []project.Mount) error {
	for _, m := range mounts {
		if m.Type != project.MountBind {
			continue
		}
		if err := look(m); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the bind mount at %s: its source %s was removed since the container was made: make it again", m.Target, m.Source)
		}
		if err := source(m); err != nil {
			return err
		}
	}
	return nil
}

// source sees to it that what is bound exists and can be shared as asked for.
func source(m project.Mount) error {
	if err := bindSource(m); err != nil {
		return fmt.Errorf("the bind mount at %s: %w", m.Target, err)
	}
	if err := relabelled(m); err != nil {
		return err
	}
	if err := propagates(m); err != nil {
		return fmt.Errorf("the bind mount at %s: %w", m.Target, err)
	}
	return nil
}

// bindSource sees to it that what is bound exists.
func bindSource(m project.Mount) error {
	err := look(m)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if m.Within != "" && m.CreateHostPath {
		name, err := filepath.Rel(m.Within, m.Source)
		if err != nil {
			return err
		}
		return pathrs.MkdirAll(m.Within, name, 0o755)
	}
	if link, lerr := os.Readlink(m.Source); lerr == nil {
		return fmt.Errorf("its source %s is a link to %s, which does not exist: make that, or remove the link", m.Source, link)
	}
	if m.CreateHostPath {
		return os.MkdirAll(m.Source, 0o755)
	}
	return fmt.Errorf("its source %s does not exist: make it, or set create_host_path: true", m.Source)
}

// propagates tells what stands against the propagation that is asked for: the
// source has to be on a mount that takes part in it.
func propagates(m project.Mount) error {
	kind := strings.TrimPrefix(m.Propagation, "r")
	if kind != "shared" && kind != "slave" {
		return nil
	}
	path, err := filepath.EvalSymlinks(m.Source)
	if err != nil {
		return err
	}
	all, err := mountinfo.GetMounts(mountinfo.ParentsFilter(path))
	if err != nil {
		return err
	}
	return takesPart(all, m, path)
}

// takesPart looks at the mount that path is on: of those above it the deepest, and
// of several at one place the last.
func takesPart(above []*mountinfo.Info, m project.Mount, path string) error {
	at := &mountinfo.Info{}
	for _, i := range above {
		if len(i.Mountpoint) >= len(at.Mountpoint) {
			at = i
		}
	}
	shared, slave := strings.Contains(at.Optional, "shared:"), strings.Contains(at.Optional, "master:")
	if shared || slave && strings.HasSuffix(m.Propagation, "slave") {
		return nil
	}
	return fmt.Errorf("propagation %s needs a source that is on a shared mount, and %s is on %s, which is not: run mount --make-rshared %[3]s, "+
		"or make a shared mount of the source alone: mount --bind %[4]s %[4]s && mount --make-shared %[4]s",
		m.Propagation, path, at.Mountpoint, path)
}

// selinuxFolder is where SELinux is spoken to, on hosts that have it.
const selinuxFolder = "/sys/fs/selinux"

// relabelled refuses what would have to be relabelled. Where there is no SELinux,
// nothing has to.
func relabelled(m project.Mount) error {
	if m.SELinux == "" {
		return nil
	}
	var s unix.Statfs_t
	if err := unix.Statfs(selinuxFolder, &s); err != nil || uint32(s.Type) != unix.SELINUX_MAGIC {
		return nil
	}
	return fmt.Errorf("the mount at %s: SELinux is enabled here, and gocompose relabels nothing: give the source the label that it needs with chcon, "+
		"and remove %s", m.Target, m.SELinux)
}

// look tells whether the source of a bind is there.
func look(m project.Mount) error {
	if m.Within == "" {
		_, err := os.Stat(m.Source)
		return err
	}
	f, err := openWithin(m)
	if err != nil {
		return err
	}
	return f.Close()
}

// openWithin opens the source of a bind that no link may lead out of where it is within.
func openWithin(m project.Mount) (*os.File, error) {
	name, err := filepath.Rel(m.Within, m.Source)
	if err != nil {
		return nil, err
	}
	return pathrs.OpenInRoot(m.Within, name)
}
