package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

// resources returns the limits, and which devices may be used: those that
// every runtime allows by itself (null, zero, tty, …), or all when privileged. What the host cannot do is an error: runtimes leave some
// of it out in silence, and tell the rest in words of the kernel.
func resources(in Input) (*specs.LinuxResources, error) {
	r := &specs.LinuxResources{Devices: deviceRules(in.Container)}
	for _, set := range []func(Input, *specs.LinuxResources) error{setCPU, setMemory, setPids, setBlockIO} {
		if err := set(in, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// needs returns an error when cgroups of the host have no such controller.
func (h Host) needs(attribute, controller string) error {
	if h.Controllers == nil || slices.Contains(h.Controllers, controller) {
		return nil
	}
	return fmt.Errorf("%s: cgroups of this host have no controller %q: boot a kernel that has it, with cgroup_enable=%s, or remove %s",
		attribute, controller, controller, attribute)
}

func setPids(in Input, r *specs.LinuxResources) error {
	n := in.Container.Resources.Pids
	if n == 0 {
		return nil
	}
	r.Pids = &specs.LinuxPids{Limit: &n}
	return in.Host.needs("pids_limit", "pids")
}

// sysctls returns the kernel's parameters, with Docker's defaults: every
// process may listen on any port and send pings.
func sysctls(c project.Container) (map[string]string, error) {
	all := map[string]string{}
	asked, own := c.Sysctls, c.NetworkMode == project.ModeNetworks
	if own {
		all["net.ipv4.ip_unprivileged_port_start"] = "0"
		all["net.ipv4.ping_group_range"] = "0 2147483647"
	}
	if c.Domainname != "" {
		all["kernel.domainname"] = c.Domainname
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		dotted := name
		// sysctl(8): with a slash before the first dot, slashes separate and
		// dots belong to names.
		if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '/' {
			dotted = strings.NewReplacer("/", ".", ".", "/").Replace(name)
		}
		if reason := sysctlRefusal(dotted); reason != "" {
			return nil, fmt.Errorf("sysctls.%s: %s", name, reason)
		}
		if modes := c.Namespaces; (modes.IPC == project.NamespaceHost || modes.IPC.Shared()) && project.IsIPCSysctl(dotted) {
			return nil, fmt.Errorf("sysctls.%s: with ipc: %s it is not the container's own: set it where the namespace is", name, modes.IPC)
		}
		if !own && strings.HasPrefix(dotted, "net.") {
			return nil, fmt.Errorf("sysctls.%s: with network_mode: %s it is not the container's own: set it where the network is", name, c.NetworkMode)
		}
		all[dotted] = asked[name]
	}
	return all, nil
}

// sysctlRefusal says why a parameter cannot be set for one container, or "".
// Only those that the kernel keeps per namespace can.
func sysctlRefusal(name string) string {
	switch name {
	case "kernel.domainname":
		return ""
	case "kernel.hostname":
		return "set hostname instead"
	}
	if strings.HasPrefix(name, "net.") || project.IsIPCSysctl(name) {
		return ""
	}
	return "this parameter is the whole host's: set it there, with sysctl -w"
}
