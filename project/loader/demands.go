package loader

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// demands is what the user is to know of a project from elsewhere; nil of another.
func (s *source) demands(model *types.Project, p *project.Project) *project.Elsewhere {
	out, of := s.reads(model)
	if out != nil {
		out.Builds = s.ofBuilds(p, of)
		out.Programs = s.ofProviders(p, of)
		out.Host = s.ofHost(model, p, of, slices.Concat(out.Builds, out.Programs))
	}
	return out
}

// ofBuilds says in words what building images uses of the host.
func (s *source) ofBuilds(p *project.Project, of foreign) []string {
	found := demands{s: s, said: map[string]bool{}}
	for _, service := range slices.Concat(p.Services, p.Bases) {
		if of.service(service.Name) {
			found.build(service.Name, service.Build)
		}
	}
	return slices.Sorted(maps.Keys(found.said))
}

// ofProviders says which programs of the host are run.
func (s *source) ofProviders(p *project.Project, of foreign) []string {
	found := demands{s: s, said: map[string]bool{}}
	for _, provider := range p.Providers {
		found.add(of.service(provider.Name), provider.Name, "runs the program of the provider %s on this host", provider.Type)
	}
	return slices.Sorted(maps.Keys(found.said))
}

// ofHost says in words all that services use of the host, which others have told in part.
func (s *source) ofHost(model *types.Project, p *project.Project, of foreign, told []string) []string {
	found := demands{s: s, said: map[string]bool{}}
	for _, text := range told {
		found.said[text] = true
	}
	for _, service := range p.Services {
		if !of.service(service.Name) {
			continue
		}
		found.container(service.Name, service.Template)
		for _, h := range service.Template.Hooks.BeforeStart {
			found.container(service.Name, h.Container)
		}
		for _, h := range slices.Concat(service.Template.Hooks.AfterStart, service.Template.Hooks.BeforeStop) {
			found.add(h.Privileged, service.Name, "a privileged command")
		}
	}
	for name, service := range model.Services {
		if of.service(name) {
			found.read(name, service)
		}
	}
	found.resources(p, of)
	return slices.Sorted(maps.Keys(found.said))
}

// resources says whose volumes and networks are used.
func (d demands) resources(p *project.Project, of foreign) {
	for _, v := range p.Volumes {
		if !of.volume(v.Key) {
			continue
		}
		d.add(v.External, "volume "+v.Key, "the volume %s, which is of another project or of none", v.Name)
		// A name of their own choice may be that of another project's.
		d.add(v.Project != "" && v.Name != p.Name+"_"+v.Key, "volume "+v.Key, "the volume %s, whoever's that is", v.Name)
		device := v.Options[project.VolumeDevice]
		d.add(device != "" && !d.s.ours(device), "volume "+v.Key, "what is on %s", device)
		// It is mounted by its path, which whoever has what is above it can make another one.
		d.add(device != "" && d.s.ours(device), "volume "+v.Key, "what a folder of the files leads to, which containers may change")
	}
	for _, n := range p.Networks {
		if !of.network(n.Key) {
			continue
		}
		d.add(n.External, "network "+n.Key, "the network %s, which is of another project or of none", n.Name)
		d.add(n.Project != "" && n.Name != p.Name+"_"+n.Key, "network "+n.Key, "the network %s, whoever's that is", n.Name)
		d.add(n.Driver == project.DriverMacvlan || n.Driver == project.DriverIpvlan, "network "+n.Key, "a link of the host, by the driver %s", n.Driver)
	}
}

// ours tells whether a path is within what was fetched, or what containers see of it.
func (s *source) ours(path string) bool {
	return slices.ContainsFunc(s.copies, func(c copied) bool { return within(c.Root, path) || within(c.Mounts, path) })
}

type demands struct {
	s    *source
	said map[string]bool
}

func (d demands) add(when bool, who, format string, args ...any) {
	if when {
		d.said[who+": "+fmt.Sprintf(format, args...)] = true
	}
}

func (d demands) container(name string, c project.Container) {
	for _, m := range c.Mounts {
		if m.Type == project.MountBind && !d.s.ours(m.Source) {
			d.add(m.ReadOnly, name, "reads %s", m.Source)
			d.add(!m.ReadOnly, name, "reads and writes %s", m.Source)
		}
	}
	for _, f := range c.Files {
		d.add(f.Path != "" && !d.s.ours(f.Path), name, "has the file %s as its %s %s", f.Path, f.Kind, f.Name)
		d.add(f.External != "", name, "has the %s %s of this host", f.Kind, f.External)
	}
	for _, n := range c.Devices.Nodes {
		d.add(true, name, "the device %s", n.Source)
	}
	d.add(len(c.Devices.CDI)+len(c.Devices.Requests) > 0, name, "devices of the host, such as graphics cards")
	d.add(len(c.Devices.Rules) > 0, name, "devices by the rules %s", strings.Join(c.Devices.Rules, ", "))
	d.add(c.Privileged, name, "is privileged: nothing of the host is closed to it")
	d.add(len(c.CapAdd) > 0, name, "has the capabilities %s", strings.Join(c.CapAdd, ", "))
	d.add(c.NetworkMode == project.ModeHost, name, "is on the host's network")
	for _, n := range []struct {
		kind string
		mode project.NamespaceMode
	}{{"IPC", c.Namespaces.IPC}, {"PID", c.Namespaces.PID}, {"UTS", c.Namespaces.UTS}, {"cgroup", c.Namespaces.Cgroup}} {
		d.add(n.mode == project.NamespaceHost, name, "is in the host's %s namespace", n.kind)
	}
	for _, share := range c.Shares() {
		d.add(share.Container != "", name, "is in a namespace of the container %s", share.Container)
	}
	for _, from := range c.VolumesFrom {
		d.add(from.Container != "", name, "has the volumes of the container %s", from.Container)
	}
	d.security(name, c.Security)
	d.add(c.Runtime != "", name, "is run by the program %s", c.Runtime)
	d.add(c.CgroupParent != "", name, "is in the cgroup %s", c.CgroupParent)
}

// security says what of the protection that containers have is another one, or none.
func (d demands) security(name string, s project.Security) {
	standard := []string{"", project.SeccompBuiltin, project.SeccompUnconfined}
	d.add(s.Seccomp == project.SeccompUnconfined, name, "may make all system calls")
	d.add(!slices.Contains(standard, s.Seccomp), name, "may make the system calls of a profile of its own")
	open := s.AppArmor == project.AppArmorUnconfined || s.OpenPaths || slices.Contains(s.Labels, "disable")
	d.add(open || s.WritableCgroups != nil && *s.WritableCgroups, name, "does without protection that containers have")
	d.add(!slices.Contains([]string{"", project.AppArmorBuiltin, project.AppArmorUnconfined}, s.AppArmor), name, "has the AppArmor profile %s", s.AppArmor)
	labels := slices.DeleteFunc(slices.Clone(s.Labels), func(l string) bool { return l == "disable" })
	d.add(len(labels) > 0, name, "has the SELinux options %s", strings.Join(labels, ", "))
}

// read says which files of the host are read for a service.
func (d demands) read(name string, service types.ServiceConfig) {
	outside := func(path, what string) {
		if path = d.s.inProject(path); filepath.IsAbs(path) && !d.s.ours(path) {
			d.add(true, name, "reads %s as %s", path, what)
		}
	}
	for _, f := range service.EnvFiles {
		outside(f.Path, "an env file")
	}
	for _, f := range service.LabelFiles {
		outside(f, "a label file")
	}
	if service.Develop != nil {
		for _, t := range service.Develop.Watch {
			outside(t.Path, "files that are watched")
		}
	}
}

// build says what making an image asks of the host.
func (d demands) build(name string, b *project.Build) {
	if b == nil {
		return
	}
	places := []string{b.Context}
	if !within(b.Context, b.Dockerfile) {
		places = append(places, b.Dockerfile)
	}
	for _, context := range b.Contexts {
		places = append(places, strings.TrimPrefix(context, "oci-layout://"))
	}
	for _, secret := range b.Secrets {
		places = append(places, secret.File)
		d.add(secret.Variable != "", name, "is built with your variable %s", secret.Variable)
		d.add(secret.File+secret.Variable == "", name, "is built with the secret %s of this host", secret.Source)
	}
	for _, path := range places {
		d.add(filepath.IsAbs(path) && !d.s.ours(path), name, "reads %s for its build", path)
	}
	for _, cache := range slices.Concat(b.CacheFrom, b.CacheTo) {
		fields, _ := csv.NewReader(strings.NewReader(cache)).Read() // written so when it was looked at
		for _, field := range fields {
			key, value, _ := strings.Cut(field, "=")
			d.add((key == "src" || key == "dest") && !d.s.ours(value), name, "has a cache of its build in %s", value)
			d.add(key == "type" && (value == "gha" || value == "s3"), name, "is built with your credentials for a cache of the type %s", value)
		}
	}
	// Without keys of its own a build from such a repository has those that fetch it.
	ssh := func(context string) bool {
		return strings.HasPrefix(context, "ssh://") || strings.HasPrefix(context, "git@")
	}
	d.add(len(b.SSH) > 0 || slices.ContainsFunc(append(slices.Collect(maps.Values(b.Contexts)), b.Context), ssh), name, "is built with your SSH keys")
	d.add(b.Network == "host", name, "is built on the host's network")
	d.add(b.Privileged || len(b.Entitlements) > 0, name, "is built with privileges: %s", cmp.Or(strings.Join(b.Entitlements, ", "), "all"))
}
