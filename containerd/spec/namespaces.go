package spec

import (
	"errors"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

// namespaces returns those that the container is in and the host is not.
func namespaces(in Input) []specs.LinuxNamespace {
	ns := []specs.LinuxNamespace{{Type: specs.MountNamespace}}
	if in.Container.NetworkMode != project.ModeHost {
		ns = append(ns, specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: in.Netns})
	}
	modes := in.Container.Namespaces
	if modes.UTS != project.NamespaceHost {
		ns = append(ns, specs.LinuxNamespace{Type: specs.UTSNamespace})
	}
	if modes.PID != project.NamespaceHost {
		pid := specs.LinuxNamespace{Type: specs.PIDNamespace}
		if modes.PID.Shared() {
			pid.Path = in.PID
		}
		ns = append(ns, pid)
	}
	if modes.IPC != project.NamespaceHost {
		ipc := specs.LinuxNamespace{Type: specs.IPCNamespace}
		if sharesIPC(modes) {
			ipc.Path = in.IPC
		}
		ns = append(ns, ipc)
	}
	if ownCgroups(in) {
		ns = append(ns, specs.LinuxNamespace{Type: specs.CgroupNamespace})
	}
	return ns
}

// sharesIPC tells whether others are in the IPC namespace, or may be.
func sharesIPC(n project.Namespaces) bool { return n.IPC == project.IPCShareable || n.IPC.Shared() }

// ownCgroups is Docker's default-cgroupns-mode, where nothing is asked for:
// private with the unified hierarchy, of privileged containers too, and the
// host's otherwise.
func ownCgroups(in Input) bool {
	if mode := in.Container.Namespaces.Cgroup; mode != "" {
		return mode == project.NamespacePrivate
	}
	return in.Host.CgroupV2
}

// checkNamespaces finds what cannot go together on this host.
func checkNamespaces(in Input) error {
	c := in.Container
	if c.Privileged && !in.Host.CgroupV2 && c.Namespaces.Cgroup == project.NamespacePrivate {
		return errors.New("cgroup: private: a privileged container sees all cgroups of a host with cgroup version 1: remove it, or privileged")
	}
	if w := c.Security.WritableCgroups; w != nil && *w && in.Host.CgroupV2 && !ownCgroups(in) && !c.Privileged {
		return errors.New("security_opt: writable-cgroups: with cgroup: host these are all cgroups of the host: remove one of them")
	}
	if sharesIPC(c.Namespaces) && (in.IPC == "" || in.Shm == "") || c.Namespaces.PID.Shared() && in.PID == "" {
		return errors.New("no path of a namespace that is shared")
	}
	return nil
}

// shareMounts fits Docker's default mounts to the container's namespaces: with an
// IPC namespace that others are in goes its /dev/shm. And it opens or closes the
// cgroups, where that is asked for.
func shareMounts(in Input, defaults []specs.Mount) []specs.Mount {
	var out []specs.Mount
	for _, m := range defaults {
		switch m.Destination {
		case "/dev/shm":
			m = shm(in, m)
		case "/sys/fs/cgroup":
			if writable := in.Container.Security.WritableCgroups; writable != nil {
				m.Options = slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return o == "ro" })
				if !*writable {
					m.Options = append(m.Options, "ro")
				}
			}
		}
		if m.Destination != "" {
			out = append(out, m)
		}
	}
	return out
}

// shm returns the mount on /dev/shm, own by default; one without a destination
// is none.
func shm(in Input, own specs.Mount) specs.Mount {
	source := in.Shm
	switch in.Container.Namespaces.IPC {
	case project.IPCNone:
		return specs.Mount{}
	case project.NamespaceHost:
		source = own.Destination
	case "":
		return own
	}
	return specs.Mount{
		Destination: own.Destination, Type: "bind", Source: source,
		Options: []string{"rbind", "nosuid", "noexec", "nodev", "rprivate"},
	}
}
