package loader

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// namespaces reads which namespaces the service's containers have for themselves.
// That a mode of uts or cgroup is one, the attributes' rules say.
func (p place) namespaces(s types.ServiceConfig) project.Namespaces {
	n := project.Namespaces{
		UTS: project.NamespaceMode(s.Uts), Cgroup: project.NamespaceMode(s.Cgroup),
		IPC: p.in("ipc").namespaceMode(s.Ipc, ipcOf, "host", "none", "private", "shareable"),
		PID: p.in("pid").namespaceMode(s.Pid, pidOf, "host"),
	}
	if n.IPC == "private" { // Docker's default
		n.IPC = ""
	}
	if n.UTS == project.NamespaceHost {
		p.checkHostUTS(s)
	}
	if n.IPC == project.NamespaceHost || n.IPC.Shared() {
		p.checkOthersIPC(s)
	}
	if s.ShmSize != 0 && n.IPC != "" && n.IPC != project.IPCShareable {
		p.in("shm_size").problem("conflicts with ipc %s, with which the container has no /dev/shm of its own; remove it", s.Ipc)
	}
	return n
}

func ipcOf(s types.ServiceConfig) string { return s.Ipc }
func pidOf(s types.ServiceConfig) string { return s.Pid }

// namespaceMode reads the mode of a namespace that can be another container's,
// or one of others. Of returns a service's mode.
func (p place) namespaceMode(text string, of func(types.ServiceConfig) string, others ...string) project.NamespaceMode {
	kind, name, _ := strings.Cut(text, ":")
	switch {
	case text == "", slices.Contains(others, text):
		return project.NamespaceMode(text)
	case kind+":" == project.ModeService && name != "":
		mode, owner := p.c.ownerOf(name, of)
		const shareable = string(project.IPCShareable)
		if owner.Name != "" && slices.Contains(others, shareable) && of(owner) != shareable {
			p.problem("the IPC namespace of service %s is its own alone; give that ipc: shareable", owner.Name)
		}
		return mode
	case kind+":" == project.ModeContainer && resourceName().MatchString(name):
		return project.NamespaceMode(text)
	}
	p.problem("%q is not one of %s, service:NAME, container:NAME", text, joined(others))
	return ""
}

// ownerOf follows services that share a namespace to the one whose it is, and
// returns the mode of who shares it with them. The owner has no name when it is
// the host, a container of some name, or a service that is not loaded.
func (c *converter) ownerOf(service string, of func(types.ServiceConfig) string) (mode project.NamespaceMode, owner types.ServiceConfig) {
	for range c.model.Services { // a cycle is found elsewhere
		s, ok := c.model.Services[service]
		if !ok {
			break
		}
		next := project.NamespaceMode(of(s))
		switch name, shares := strings.CutPrefix(string(next), project.ModeService); {
		case shares:
			service = name
		case next == project.NamespaceHost, next.Shared():
			return next, owner
		default:
			return project.NamespaceMode(project.ModeService + service), s
		}
	}
	return project.NamespaceMode(project.ModeService + service), owner
}

// checkHostUTS finds names that the container would have to give the host.
func (p place) checkHostUTS(s types.ServiceConfig) {
	for _, a := range []struct {
		name string
		set  bool
	}{{"hostname", s.Hostname != ""}, {"domainname", s.DomainName != ""}} {
		if a.set {
			p.in(a.name).problem("conflicts with uts host, where the container has the host's name; remove one of them")
		}
	}
	for _, name := range sortedKeys(s.Sysctls) {
		if strings.HasPrefix(name, "kernel.domainname") {
			p.in("sysctls", name).problem("conflicts with uts host, whose setting it would be; set it there")
		}
	}
}

// checkOthersIPC finds settings of an IPC namespace that is not the container's.
func (p place) checkOthersIPC(s types.ServiceConfig) {
	for _, name := range sortedKeys(s.Sysctls) {
		if project.IsIPCSysctl(strings.ReplaceAll(name, "/", ".")) {
			p.in("sysctls", name).problem("is a setting of the IPC namespace, which ipc %s shares; set it there", s.Ipc)
		}
	}
}
