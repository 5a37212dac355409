package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// allCaps stands for every capability in cap_add and cap_drop.
const allCaps = "ALL"

// capabilities returns the bounding set by Docker's rules. Privileged
// containers have all. A cap_add with ALL gives all but what cap_drop names; a
// cap_drop with ALL leaves just what cap_add names; otherwise the default set
// first loses what cap_drop names, then gains what cap_add names.
//
// What the host cannot give is left out, unless it was asked for by name. Nil
// available is everything.
func capabilities(c project.Container, available []string) ([]string, error) {
	if available == nil {
		available = knownCapabilities()
	}
	add, err := capabilityNames("cap_add", c.CapAdd)
	if err != nil {
		return nil, err
	}
	drop, err := capabilityNames("cap_drop", c.CapDrop)
	if err != nil {
		return nil, err
	}
	base, gain := defaultCapabilities(), add
	switch {
	case c.Privileged:
		base, drop, gain = knownCapabilities(), nil, nil
	case slices.Contains(add, allCaps):
		base, gain = knownCapabilities(), nil
	case slices.Contains(drop, allCaps):
		base = nil
	}
	var set []string
	for _, name := range knownCapabilities() {
		added := slices.Contains(gain, name)
		if !added && (!slices.Contains(base, name) || slices.Contains(drop, name)) {
			continue
		}
		switch {
		case slices.Contains(available, name):
			set = append(set, name)
		case added:
			return nil, fmt.Errorf("cap_add: this host cannot give %s: gocompose itself runs without it", name)
		}
	}
	return set, nil
}

// capabilityNames returns the names in their full form: "net_admin" is
// "CAP_NET_ADMIN".
func capabilityNames(attribute string, names []string) ([]string, error) {
	out := make([]string, len(names))
	for i, n := range names {
		n = strings.ToUpper(strings.TrimSpace(n))
		if n != allCaps && !strings.HasPrefix(n, "CAP_") {
			n = "CAP_" + n
		}
		if n != allCaps && !slices.Contains(knownCapabilities(), n) {
			return nil, fmt.Errorf("%s: unknown capability %q", attribute, names[i])
		}
		out[i] = n
	}
	return out, nil
}

// defaultCapabilities are the 14 that Docker gives.
func defaultCapabilities() []string {
	return []string{
		"CAP_CHOWN",
		"CAP_DAC_OVERRIDE",
		"CAP_FOWNER",
		"CAP_FSETID",
		"CAP_KILL",
		"CAP_SETGID",
		"CAP_SETUID",
		"CAP_SETPCAP",
		"CAP_NET_BIND_SERVICE",
		"CAP_NET_RAW",
		"CAP_SYS_CHROOT",
		"CAP_MKNOD",
		"CAP_AUDIT_WRITE",
		"CAP_SETFCAP",
	}
}

// knownCapabilities are those of Linux 5.9 and later, by number.
func knownCapabilities() []string {
	return []string{
		"CAP_CHOWN",
		"CAP_DAC_OVERRIDE",
		"CAP_DAC_READ_SEARCH",
		"CAP_FOWNER",
		"CAP_FSETID",
		"CAP_KILL",
		"CAP_SETGID",
		"CAP_SETUID",
		"CAP_SETPCAP",
		"CAP_LINUX_IMMUTABLE",
		"CAP_NET_BIND_SERVICE",
		"CAP_NET_BROADCAST",
		"CAP_NET_ADMIN",
		"CAP_NET_RAW",
		"CAP_IPC_LOCK",
		"CAP_IPC_OWNER",
		"CAP_SYS_MODULE",
		"CAP_SYS_RAWIO",
		"CAP_SYS_CHROOT",
		"CAP_SYS_PTRACE",
		"CAP_SYS_PACCT",
		"CAP_SYS_ADMIN",
		"CAP_SYS_BOOT",
		"CAP_SYS_NICE",
		"CAP_SYS_RESOURCE",
		"CAP_SYS_TIME",
		"CAP_SYS_TTY_CONFIG",
		"CAP_MKNOD",
		"CAP_LEASE",
		"CAP_AUDIT_WRITE",
		"CAP_AUDIT_CONTROL",
		"CAP_SETFCAP",
		"CAP_MAC_OVERRIDE",
		"CAP_MAC_ADMIN",
		"CAP_SYSLOG",
		"CAP_WAKE_ALARM",
		"CAP_BLOCK_SUSPEND",
		"CAP_AUDIT_READ",
		"CAP_PERFMON",
		"CAP_BPF",
		"CAP_CHECKPOINT_RESTORE",
	}
}
