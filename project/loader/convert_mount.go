package loader

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// mounts returns a service's volumes and tmpfs, sorted by target.
func (p place) mounts(s types.ServiceConfig) []project.Mount {
	var out []project.Mount
	add := func(at place, m project.Mount) {
		if !path.IsAbs(m.Target) {
			at.near(m.Target, "the path in the container is %q: want an absolute one", m.Target)
			return
		}
		if m.Target = path.Clean(m.Target); m.Target == "/" {
			at.near(m.Target, "nothing can be mounted over the container's /")
			return
		}
		if slices.ContainsFunc(out, func(o project.Mount) bool { return o.Target == m.Target }) {
			at.near(m.Target, "something else is mounted at %s already", m.Target)
			return
		}
		out = append(out, m)
	}
	for i, v := range s.Volumes {
		at := p.in("volumes", index(i))
		if m, ok := at.mount(v); ok {
			add(at, m)
		}
	}
	for i, text := range s.Tmpfs {
		at := p.in("tmpfs", index(i))
		target, options, _ := strings.Cut(text, ":")
		m := project.Mount{Type: project.MountTmpfs, Target: target}
		for _, o := range strings.Split(options, ",") {
			at.tmpfsOption(&m, strings.TrimSpace(o))
		}
		slices.Sort(m.Options)
		add(at, m)
	}
	slices.SortFunc(out, func(a, b project.Mount) int { return cmp.Compare(a.Target, b.Target) })
	return out
}

func (p place) mount(v types.ServiceVolumeConfig) (project.Mount, bool) {
	m := project.Mount{Type: project.MountType(v.Type), Target: v.Target, ReadOnly: v.ReadOnly}
	switch m.Type {
	case project.MountBind:
		m.Source = p.c.src.inProject(v.Source)
		m.CreateHostPath = true
		if v.Bind != nil {
			m.CreateHostPath = bool(v.Bind.CreateHostPath)
			m.Propagation = v.Bind.Propagation
		}
		if !path.IsAbs(m.Source) {
			p.near(v.Target, "a bind mount needs a source, a path on the host")
			return m, false
		}
		if !slices.Contains(propagations, m.Propagation) {
			p.near(m.Propagation, "propagation %q is not one of %s", m.Propagation, joined(propagations[1:]))
		}
	case project.MountVolume:
		m.NoCopy = v.Volume != nil && v.Volume.NoCopy
		if v.Source == "" {
			return m, true
		}
		volume, ok := p.c.model.Volumes[v.Source]
		if !ok {
			p.add(undefinedVolume(p.path, v.Source))
			return m, false
		}
		m.Source = volume.Name
	case project.MountTmpfs:
		if v.Tmpfs != nil && v.Tmpfs.Size > 0 {
			m.Options = append(m.Options, fmt.Sprintf("size=%d", int64(v.Tmpfs.Size)))
		}
		if v.Tmpfs != nil && v.Tmpfs.Mode != 0 {
			m.Options = append(m.Options, fmt.Sprintf("mode=%o", v.Tmpfs.Mode))
		}
		slices.Sort(m.Options)
	default: // refused with its attribute
		return m, false
	}
	return m, true
}

// propagations of a bind; empty is the runtime's default, rprivate.
var propagations = []string{"", "private", "rprivate", "shared", "rshared", "slave", "rslave"}

// tmpfsFlags and tmpfsValues are the options of a tmpfs: mount(8), tmpfs(5).
var (
	tmpfsFlags = []string{
		"async", "atime", "defaults", "dev", "diratime", "dirsync", "exec", "mand", "noatime", "nodev",
		"nodiratime", "noexec", "nomand", "norelatime", "nostrictatime", "nosuid", "relatime",
		"strictatime", "suid", "sync",
	}
	tmpfsValues = []string{"gid", "huge", "mode", "mpol", "nr_blocks", "nr_inodes", "size", "uid"}
)

func (p place) tmpfsOption(m *project.Mount, option string) {
	key, value, valued := strings.Cut(option, "=")
	switch {
	case option == "" || option == "rw":
	case option == "ro":
		m.ReadOnly = true
	case !valued && slices.Contains(tmpfsFlags, key), valued && value != "" && slices.Contains(tmpfsValues, key):
		if !slices.Contains(m.Options, option) {
			m.Options = append(m.Options, option)
		}
	default:
		p.near(option, "%q is not an option of a tmpfs", option)
	}
}
