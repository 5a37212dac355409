package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

const (
	// cpuPeriod is the period of the CPU quota in microseconds, the kernel's
	// default and Docker's for --cpus.
	cpuPeriod = 100_000
	// minNanoCPUs and minMemory are the least Docker accepts; below, the kernel
	// refuses the quota, and no runtime gets a process started.
	minNanoCPUs = 10_000_000
	minMemory   = 6 << 20
)

// resources returns the limits, and which devices may be used: those that
// every runtime allows by itself (null, zero, tty, …), or all when privileged.
func resources(in Input) (*specs.LinuxResources, error) {
	c := in.Container
	r := &specs.LinuxResources{
		Devices: []specs.LinuxDeviceCgroup{{Allow: c.Privileged, Access: "rwm"}},
	}
	if n := c.NanoCPUs; n != 0 {
		if n < minNanoCPUs {
			return nil, fmt.Errorf("cpus: %g is below the least, 0.01", float64(n)/1e9)
		}
		period, quota := uint64(cpuPeriod), n*cpuPeriod/1e9
		r.CPU = &specs.LinuxCPU{Period: &period, Quota: &quota}
	}
	if limit := c.Memory; limit != 0 {
		if limit < minMemory {
			return nil, fmt.Errorf("memory: %d bytes are below the least, 6 MiB", limit)
		}
		r.Memory = &specs.LinuxMemory{Limit: &limit}
		// Docker's rule: as much swap as memory; the runtime counts the sum.
		if in.Host.SwapLimit {
			swap := 2 * limit
			r.Memory.Swap = &swap
		}
	}
	return r, nil
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
