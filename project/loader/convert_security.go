package loader

import (
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// security reads what the service's processes may do.
func (p place) security(s types.ServiceConfig) project.Security {
	var out project.Security
	for i, text := range s.SecurityOpt {
		p.in("security_opt", index(i)).securityOption(text, s.Privileged, &out)
	}
	slices.Sort(out.Labels)
	out.Labels = slices.Compact(out.Labels)
	for i, group := range s.GroupAdd {
		if group == "" || strings.Contains(group, ":") {
			p.in("group_add", index(i)).near(group, "%q is neither the name nor the number of a group", group)
			continue
		}
		out.Groups = append(out.Groups, group)
	}
	slices.Sort(out.Groups)
	out.Groups = slices.Compact(out.Groups)
	if s.Umask != nil {
		mask := int(*s.Umask)
		if mask > 0o777 {
			p.in("umask").problem("%#o is more than 0777, which takes every permission away", mask)
		}
		out.Umask = &mask
	}
	return out
}

// securityOption reads one option: a name and a value, with = between them or, as
// it was written once, a colon.
func (p place) securityOption(text string, privileged bool, out *project.Security) {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		name, value, ok = strings.Cut(text, ":")
	}
	if !ok && text != "no-new-privileges" {
		p.near(text, "%q is not an option like apparmor=unconfined: want a name, = and a value", text)
		return
	}
	switch name {
	case "seccomp":
		profile, err := p.seccomp(value, privileged)
		if err != nil {
			p.near(text, "%v", err)
		}
		out.Seccomp = profile
	case "apparmor":
		p.appArmor(text, value, privileged, out)
	case "no-new-privileges":
		out.NoNewPrivileges = !ok || p.yes(text, value)
	case "label":
		p.label(text, value, out)
	case "systempaths":
		if value != "unconfined" {
			p.near(text, "%q is not unconfined, the one value of systempaths", value)
		}
		out.OpenPaths = true
	case "writable-cgroups":
		writable := p.yes(text, value)
		out.WritableCgroups = &writable
	case "proc-opts":
		p.near(text, notYet+"/proc is mounted as Docker mounts it; remove it")
	default:
		p.near(text, "%q is not one of apparmor, label, no-new-privileges, seccomp, systempaths, writable-cgroups", name)
	}
}

func (p place) yes(text, value string) bool {
	yes, err := strconv.ParseBool(value)
	if err != nil {
		p.near(text, "%q is neither true nor false", value)
	}
	return yes
}

// appArmor reads the name of a profile. That for containers, by Docker's name of
// it, is what those that are not privileged have anyway.
func (p place) appArmor(text, value string, privileged bool, out *project.Security) {
	switch {
	case value == "":
		p.near(text, "names no profile; want one that is loaded, or unconfined")
	case value == project.AppArmorBuiltin && !privileged:
		out.AppArmor = ""
	default:
		out.AppArmor = value
	}
}

// label reads an option of SELinux, "type:container_t".
func (p place) label(text, value string, out *project.Security) {
	kind, of, ok := strings.Cut(value, ":")
	switch {
	case value == "disable":
	case ok && of != "" && slices.Contains([]string{"user", "role", "type", "level", "filetype"}, kind):
	default:
		p.near(text, "%q is neither disable nor one of user:…, role:…, type:…, level:…, filetype:…", value)
	}
	out.Labels = append(out.Labels, value)
}

// cgroupParent returns the cgroup from the root.
func (p place) cgroupParent(text string) string {
	if text == "" {
		return ""
	}
	clean := path.Join("/", text)
	switch {
	case strings.HasSuffix(clean, ".slice"):
		p.problem(notYet+"%s is a unit of systemd, and cgroups are made without it; name a cgroup, like /batch", text)
	case clean == "/" || slices.Contains(strings.Split(text, "/"), ".."):
		p.problem("%q is not a cgroup below the root, like /batch", text)
	}
	return clean
}

// programName matches what can be looked for in PATH.
var programName = lazily(`^[a-zA-Z0-9][a-zA-Z0-9_.+-]*$`)

// shimName matches containerd's name of a shim.
var shimName = lazily(`^(io\.|.*\.v[0-9]+$)`)

// runtime returns the program of an OCI runtime; empty: our own runc, by its
// names in containerd and in Docker too.
func (p place) runtime(text string) string {
	switch {
	case text == "", text == "runc", text == "io.containerd.runc.v2":
		return ""
	case filepath.IsAbs(text):
		return filepath.Clean(text)
	case shimName().MatchString(text):
		p.problem(notYet+"%s is a shim of containerd's, and logs and restarts need gocompose's own; "+
			"name the OCI runtime that it runs, like runsc, or the path of one", text)
	case !programName().MatchString(text):
		p.problem("%q is neither the name of an OCI runtime, like crun, nor an absolute path", text)
	}
	return text
}
