package spec

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

// mounts returns all mounts, parents before children. What the user mounts
// takes the place of a file of ours and of a default mount with that target,
// and a mount on /dev that of all defaults below it.
func mounts(in Input) ([]specs.Mount, error) {
	var users []specs.Mount
	taken := map[string]bool{}
	for _, m := range in.Mounts {
		mount, err := userMount(m, in.Host)
		if err != nil {
			return nil, fmt.Errorf("mount on %s: %w", m.Target, err)
		}
		if taken[m.Target] {
			return nil, fmt.Errorf("mount on %s: there are two", m.Target)
		}
		taken[m.Target] = true
		users = append(users, mount)
	}
	for target := range in.Secrets {
		if taken[target] {
			return nil, fmt.Errorf("mount on %s: there are two", target)
		}
		taken[target] = true
	}
	users = append(users, secretMounts(in)...)
	var all []specs.Mount
	for _, m := range shareMounts(in, defaultMounts(in.Container)) {
		if !taken[m.Destination] && !(taken["/dev"] && strings.HasPrefix(m.Destination, "/dev/")) {
			all = append(all, m)
		}
	}
	for _, target := range slices.Sorted(maps.Keys(in.Files)) {
		if !taken[target] {
			all = append(all, fileMount(target, in.Files[target], in.Container.ReadOnly))
		}
	}
	if in.Container.Init {
		all = append(all, fileMount(InitPath, in.InitBinary, true))
	}
	all = append(all, users...)
	slices.SortStableFunc(all, func(a, b specs.Mount) int {
		return cmp.Compare(strings.Count(a.Destination, "/"), strings.Count(b.Destination, "/"))
	})
	return all, nil
}

func userMount(m Mount, host Host) (specs.Mount, error) {
	if !path.IsAbs(m.Target) || path.Clean(m.Target) != m.Target || m.Target == "/" {
		return specs.Mount{}, fmt.Errorf("%q is not an absolute path below /", m.Target)
	}
	switch m.Type {
	case project.MountTmpfs:
		return tmpfs(m)
	case project.MountBind, project.MountVolume, project.MountImage:
		return bind(m, host)
	}
	return specs.Mount{}, fmt.Errorf("unknown type %q", m.Type)
}

func bind(m Mount, host Host) (specs.Mount, error) {
	if !path.IsAbs(m.Source) {
		return specs.Mount{}, fmt.Errorf("%q is not an absolute path", m.Source)
	}
	options := []string{"rbind"}
	if m.Recursive == project.RecursiveDisabled {
		options[0] = "bind"
	}
	if m.ReadOnly {
		options = append(options, "ro")
	}
	switch below := m.ReadOnly && (m.Recursive == project.RecursiveEnabled || m.Recursive == project.RecursiveReadOnly); {
	case below && host.RecursiveReadOnly: // else mounts below the source could be written to
		options = append(options, "rro")
	case m.Recursive == project.RecursiveReadOnly:
		return specs.Mount{}, errors.New("recursive: readonly needs Linux 5.12, and the right to make mounts read-only with all below them")
	}
	propagation := cmp.Or(m.Propagation, "rprivate")
	switch propagation {
	case "rprivate", "private", "rshared", "shared", "rslave", "slave":
	default:
		return specs.Mount{}, fmt.Errorf("unknown propagation %q", propagation)
	}
	return specs.Mount{
		Destination: m.Target,
		Type:        "bind",
		Source:      m.Source,
		Options:     append(options, propagation),
	}, nil
}

func fileMount(target, source string, readOnly bool) specs.Mount {
	options := []string{"rbind"}
	if readOnly {
		options = append(options, "ro")
	}
	return specs.Mount{
		Destination: target,
		Type:        "bind",
		Source:      source,
		Options:     append(options, "rprivate"),
	}
}

// rootPropagation is what binds that share mounts with the host need of the
// container's root; empty is the runtime's default, private to the container.
func rootPropagation(mounts []Mount) string {
	propagation := ""
	for _, m := range mounts {
		switch m.Propagation {
		case "shared", "rshared":
			return "shared"
		case "slave", "rslave":
			propagation = "rslave"
		}
	}
	return propagation
}

// defaultMounts are Docker's. Privileged containers may write to /sys and the
// cgroups, unless their root is read-only.
func defaultMounts(c project.Container) []specs.Mount {
	shm := c.ShmSize
	if shm <= 0 {
		shm = project.DefaultShmSize
	}
	kernel := []string{"nosuid", "noexec", "nodev"}
	sys := append(slices.Clone(kernel), "ro")
	if c.Privileged && !c.ReadOnly {
		sys = kernel
	}
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: kernel},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs",
			Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts",
			Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: sys},
		{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: sys},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: kernel},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
			Options: append(slices.Clone(kernel), "mode=1777", "size="+strconv.FormatInt(shm, 10))},
	}
}
