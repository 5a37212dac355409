package planner

import (
	"fmt"

	"github.com/gocompose/gocompose/project"
)

// security compares what the processes may do. A seccomp profile is too long to
// be shown.
func (d *differ) security(h, w project.Security) {
	if h.Seccomp != w.Seccomp {
		d.changed("security_opt.seccomp")
	}
	d.value("security_opt.apparmor", h.AppArmor, w.AppArmor)
	d.value("security_opt.no-new-privileges", yesNo(h.NoNewPrivileges), yesNo(w.NoNewPrivileges))
	d.list("security_opt.label", h.Labels, w.Labels)
	d.value("security_opt.systempaths", unconfined(h.OpenPaths), unconfined(w.OpenPaths))
	d.value("security_opt.writable-cgroups", optional(h.WritableCgroups, "%t"), optional(w.WritableCgroups, "%t"))
	d.list("group_add", h.Groups, w.Groups)
	d.value("umask", optional(h.Umask, "%#o"), optional(w.Umask, "%#o"))
}

// namespaces compares which namespaces, and which cgroups, the containers are in,
// and what runs them.
func (d *differ) namespaces(h, w project.Container) {
	for _, n := range []struct {
		name     string
		from, to project.NamespaceMode
	}{
		{"ipc", h.Namespaces.IPC, w.Namespaces.IPC},
		{"pid", h.Namespaces.PID, w.Namespaces.PID},
		{"uts", h.Namespaces.UTS, w.Namespaces.UTS},
		{"cgroup", h.Namespaces.Cgroup, w.Namespaces.Cgroup},
	} {
		d.value(n.name, string(n.from), string(n.to))
	}
	d.value("cgroup_parent", h.CgroupParent, w.CgroupParent)
	d.value("runtime", h.Runtime, w.Runtime)
}

func unconfined(yes bool) string {
	if yes {
		return "unconfined"
	}
	return ""
}

// optional writes a value; none is not set.
func optional[T any](v *T, format string) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf(format, *v)
}
