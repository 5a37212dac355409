package loader

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"

	"github.com/gocompose/gocompose/project"
)

// mounts returns a service's volumes and tmpfs, sorted by target.
func (p place) mounts(s types.ServiceConfig) []project.Mount {
	var out []project.Mount
	add := func(at place, m project.Mount) {
		if !path.IsAbs(m.Target) {
			at.near(m.Target, "the path in the container is %q: want an absolute one%s", m.Target, driveHint(m.Target))
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
	p.strayOptions(v)
	switch m.Type {
	case project.MountBind:
		return m, p.bind(&m, v)
	case project.MountVolume:
		return m, p.volumeMount(&m, v)
	case project.MountImage:
		return m, p.imageMount(&m, v)
	case project.MountTmpfs:
		if v.Tmpfs != nil && v.Tmpfs.Size > 0 {
			m.Options = append(m.Options, fmt.Sprintf("size=%d", int64(v.Tmpfs.Size)))
		}
		if v.Tmpfs != nil && v.Tmpfs.Mode != 0 {
			p.in("tmpfs").octal(int(v.Tmpfs.Mode))
			m.Options = append(m.Options, fmt.Sprintf("mode=%o", v.Tmpfs.Mode))
		}
		slices.Sort(m.Options)
		return m, true
	default: // refused with its attribute
		return m, false
	}
}

// strayOptions warns of options that are for another type of mount.
func (p place) strayOptions(v types.ServiceVolumeConfig) {
	for _, o := range []struct {
		of  project.MountType
		set bool
	}{
		{project.MountBind, v.Bind != nil && (v.Bind.Propagation != "" || v.Bind.Recursive != "")},
		{project.MountVolume, v.Volume != nil && (v.Volume.NoCopy || v.Volume.Subpath != "" || len(v.Volume.Labels) > 0)},
		{project.MountTmpfs, v.Tmpfs != nil && (v.Tmpfs.Size > 0 || v.Tmpfs.Mode != 0)},
		{project.MountImage, v.Image != nil && v.Image.SubPath != ""},
	} {
		if o.set && v.Type != string(o.of) {
			p.in(string(o.of)).warn("it is for mounts of type %s and has no effect, for this one is of type %s; remove it", o.of, v.Type)
		}
	}
}

func (p place) bind(m *project.Mount, v types.ServiceVolumeConfig) bool {
	m.Source, m.Within = p.c.src.mountedFrom(p.c.src.inProject(v.Source))
	m.CreateHostPath = true
	if v.Bind != nil {
		m.CreateHostPath = bool(v.Bind.CreateHostPath)
		m.Propagation, m.SELinux = v.Bind.Propagation, v.Bind.SELinux
		if v.Bind.Recursive != "enabled" {
			m.Recursive = project.Recursive(v.Bind.Recursive)
		}
	}
	if !path.IsAbs(m.Source) {
		p.near(v.Target, "a bind mount needs a source, a path on the host")
		return false
	}
	if !slices.Contains(propagations, m.Propagation) {
		p.near(m.Propagation, "propagation %q is not one of %s", m.Propagation, joined(propagations[1:]))
	}
	if m.Recursive == project.RecursiveReadOnly {
		switch {
		case !m.ReadOnly:
			p.in("bind", "recursive").problem("readonly is for a bind that is read-only itself; set read_only: true")
		case m.Propagation != "" && m.Propagation != "rprivate":
			p.in("bind", "recursive").problem("with readonly nothing may be mounted there later; remove propagation: %s", m.Propagation)
		}
	}
	return true
}

func (p place) volumeMount(m *project.Mount, v types.ServiceVolumeConfig) bool {
	if v.Bind != nil {
		m.SELinux = v.Bind.SELinux // of the short syntax
	}
	if v.Volume != nil {
		m.NoCopy, m.Labels = v.Volume.NoCopy, labels(types.Labels(v.Volume.Labels))
		m.Subpath = p.in("volume", "subpath").subpath(v.Volume.Subpath)
	}
	if v.Source == "" {
		if m.Subpath != "" {
			p.in("volume", "subpath").problem("an anonymous volume is empty at first, so there is nothing below it to mount; give it a source")
		}
		return true
	}
	volume, ok := p.c.model.Volumes[v.Source]
	if !ok {
		p.add(undefinedVolume(p.path, v.Source))
		return false
	}
	if len(m.Labels) > 0 {
		p.in("volume", "labels").problem("labels here are for an anonymous volume; move them to volumes.%s.labels", v.Source)
	}
	m.Source = volume.Name
	return true
}

func (p place) imageMount(m *project.Mount, v types.ServiceVolumeConfig) bool {
	if v.Source == "" {
		p.near(v.Target, "an image mount needs a source, the image")
		return false
	}
	ref, err := reference.ParseDockerRef(v.Source)
	if err != nil {
		p.in("source").problem("%q is not an image reference like nginx:1.27: %v", v.Source, err)
		return false
	}
	m.Source, m.ReadOnly = ref.String(), true // it always is
	if v.Image != nil {
		m.Subpath = p.in("image", "subpath").subpath(v.Image.SubPath)
	}
	return true
}

// subpath returns a path in a volume or an image. Whether it leads through links
// is seen when it is mounted.
func (p place) subpath(text string) string {
	if text == "" {
		return ""
	}
	if path.IsAbs(text) || !filepath.IsLocal(text) {
		p.near(text, "%q is not a path within what is mounted, like data/today", text)
		return ""
	}
	if text = path.Clean(text); text == "." {
		return ""
	}
	return text
}

// propagations of a bind; empty is the runtime's default, rprivate.
var propagations = []string{"", "private", "rprivate", "shared", "rshared", "slave", "rslave"}

// tmpfsFlags and tmpfsValues are the options of a tmpfs: mount(8), tmpfs(5).
var (
	tmpfsFlags = []string{
		"async", "atime", "dev", "diratime", "dirsync", "exec", "noatime", "nodev",
		"nodiratime", "noexec", "norelatime", "nostrictatime", "nosuid", "relatime",
		"strictatime", "suid", "sync",
	}
	tmpfsValues = []string{"gid", "mode", "mpol", "nr_blocks", "nr_inodes", "size", "uid"}
)

func (p place) tmpfsOption(m *project.Mount, option string) {
	key, value, valued := strings.Cut(option, "=")
	switch {
	case option == "" || option == "rw" || option == "defaults":
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
