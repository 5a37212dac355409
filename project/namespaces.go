package project

import "strings"

// Namespaces says which of the kernel's namespaces a container has for itself,
// beside the network's. Empty is what Docker gives: one of its own, but for
// that of cgroups, which is the host's where there is cgroup version 1.
type Namespaces struct {
	IPC    NamespaceMode `json:"ipc,omitempty"`
	PID    NamespaceMode `json:"pid,omitempty"`
	UTS    NamespaceMode `json:"uts,omitempty"`
	Cgroup NamespaceMode `json:"cgroup,omitempty"`
}

// NamespaceMode is whose a namespace is: empty, one of these, or what begins with
// ModeService or ModeContainer.
type NamespaceMode string

const (
	NamespaceHost NamespaceMode = "host"
	// NamespacePrivate is one of the container's own, of cgroups.
	NamespacePrivate NamespaceMode = "private"
	// IPCShareable is one of its own that other containers may share, with its
	// /dev/shm; IPCNone one of its own, without a /dev/shm.
	IPCShareable NamespaceMode = "shareable"
	IPCNone      NamespaceMode = "none"
)

// Shared tells whether the namespace is another container's.
func (m NamespaceMode) Shared() bool {
	return strings.HasPrefix(string(m), ModeService) || strings.HasPrefix(string(m), ModeContainer)
}

// Share is a namespace that a container has together with another one.
type Share struct {
	// Attribute is the Compose file's name of it, AttributeIPC for one, and Mode
	// what is written there: "service:db".
	Attribute, Mode string
	// Service is whose first container shares it; else Container is the name of
	// one.
	Service, Container string
}

// The attributes by which containers share namespaces.
const (
	AttributeNetwork = "network_mode"
	AttributeIPC     = "ipc"
	AttributePID     = "pid"
)

// Shares returns the namespaces of others that the container is in.
func (c Container) Shares() []Share {
	var out []Share
	for _, s := range []Share{
		{Attribute: AttributeNetwork, Mode: string(c.NetworkMode)},
		{Attribute: AttributeIPC, Mode: string(c.Namespaces.IPC)},
		{Attribute: AttributePID, Mode: string(c.Namespaces.PID)},
	} {
		mode := NetworkMode(s.Mode)
		if s.Service, s.Container = mode.SharedService(), mode.SharedContainer(); s.Service != "" || s.Container != "" {
			out = append(out, s)
		}
	}
	return out
}

// IsIPCSysctl tells whether a parameter of the kernel belongs to the IPC
// namespace, see ipc_namespaces(7).
func IsIPCSysctl(name string) bool {
	switch name {
	case "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced":
		return true
	}
	return strings.HasPrefix(name, "fs.mqueue.")
}
