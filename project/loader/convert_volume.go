package loader

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// maxVolumeName is the kernel's longest name of a folder.
const maxVolumeName = 255

func (c *converter) volume(key string, v types.VolumeConfig) project.Volume {
	at := place{c, []string{"volumes", key}}
	out := project.Volume{Name: v.Name, Key: key}
	c.checkResourceName(v.Name, "volumes", key)
	if len(v.Name) > maxVolumeName {
		at.in("name").problem("it has %d characters; a volume's name has at most %d", len(v.Name), maxVolumeName)
	}
	switch {
	case bool(v.External):
		out.External = true
		return out
	case slices.Contains(c.src.hostVolumes, key):
		out.Key, out.Driver = "", project.DriverLocal
		return out
	}
	out.Project, out.Driver, out.Labels = c.src.name, cmp.Or(v.Driver, project.DriverLocal), maps.Clone(v.Labels)
	if out.Driver == project.DriverLocal {
		out.Options = at.volumeOptions(v.DriverOpts)
	}
	return out
}

// volumeOptions returns driver_opts as they are written, checked by the rules of
// Docker's local driver, and for what the kernel would refuse anyway.
func (p place) volumeOptions(opts types.Options) map[string]string {
	at := p.in("driver_opts")
	names := []string{project.VolumeType, project.VolumeMount, project.VolumeDevice}
	for _, name := range sortedKeys(opts) {
		switch {
		case name == "size":
			at.in(name).problem(notYet + "folders have no quotas here; for a limit use a tmpfs, or a device of that size")
		case !slices.Contains(names, name):
			at.in(name).problem("%q is no option of the driver local, which has %s", name, joined(names))
		}
	}
	if len(opts) == 0 {
		return nil
	}
	opts = maps.Clone(opts)
	kind, device, mount := opts[project.VolumeType], opts[project.VolumeDevice], opts[project.VolumeMount]
	switch {
	case kind == "" && (device != "" || mount != ""):
		at.problem("type is missing: none for a bind, else that of the file system")
	case device == "" && kind != "tmpfs" && kind != "":
		at.problem("device is missing: what is mounted")
	}
	options := strings.Split(mount, ",")
	if binds(options) && device != "" && p.c.src.dir != "" {
		device = p.c.src.mounted(p.c.src.inProject(device))
		opts[project.VolumeDevice] = device
	}
	if wrong, where := wrongMount(kind, device, options); wrong != "" {
		at.in(where).problem("%s", wrong)
	}
	return opts
}

func binds(options []string) bool {
	return slices.Contains(options, "bind") || slices.Contains(options, "rbind")
}

// wrongMount says what is wrong with a mount, and with which option.
func wrongMount(kind, device string, options []string) (wrong, where string) {
	switch {
	case kind == "none" && !binds(options):
		return "with type none only a bind is mounted; add bind to o", project.VolumeMount
	case binds(options) && device != "" && !filepath.IsAbs(device):
		return fmt.Sprintf("%q is no absolute path", device), project.VolumeDevice
	case kind == "nfs" || kind == "nfs4":
		if !slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "addr=") && o != "addr=" }) {
			return "the server's address is missing; add addr=… to o", project.VolumeMount
		}
	case kind == "cifs":
		if u, err := url.Parse(device); err == nil && u.Port() != "" {
			return "cifs takes no port in a device; add port=" + u.Port() + " to o", project.VolumeDevice
		}
	}
	return "", ""
}

// VolumeOptions are what is said of a volume without a file.
type VolumeOptions struct {
	Name    string
	Driver  string // empty: local
	Options map[string]string
	Labels  map[string]string
}

// Volume returns the volume of no project that the options describe. They are
// held to the rules of Compose files. The error is a Problems, which have no
// file, and paths from the volume on: "driver_opts.type".
func Volume(o VolumeOptions) (project.Volume, error) {
	c := newConverter(&source{}, &types.Project{})
	const key = "volume"
	v := c.volume(key, types.VolumeConfig{Name: o.Name, Driver: o.Driver, DriverOpts: o.Options, Labels: o.Labels})
	c.found = append(c.found, refusals(map[string]any{"volumes": map[string]any{key: map[string]any{
		"driver": cmp.Or(o.Driver, project.DriverLocal),
	}}})...)
	if ps := c.fileless(); len(ps) > 0 {
		return project.Volume{}, ps
	}
	v.Key = ""
	return v, nil
}

// fileless returns what was found wrong with what is of no file, with paths from
// the network or volume on.
func (c *converter) fileless() Problems {
	ps := make(Problems, len(c.found))
	for i, f := range c.found {
		ps[i] = Problem{Path: pathText(f.path[2:]), Text: f.text}
	}
	return ps.sorted()
}
