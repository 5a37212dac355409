package loader

import (
	"cmp"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/gocompose/gocompose/internal/dockerfile"
	"github.com/gocompose/gocompose/project"
)

// mostOfDockerfile is how much of a Dockerfile is read, in bytes; what is larger is
// no reason to fail here.
const mostOfDockerfile = 1 << 20

// bases returns the images that the Dockerfile of a build names, and those that are contexts of
// it, normalised.
func (p place) bases(b *project.Build) []string {
	found := inDockerfile(b)
	for _, context := range b.Contexts {
		if image, ok := strings.CutPrefix(context, project.ImageContext); ok {
			found = append(found, image)
		}
	}
	var out []string
	for _, image := range found {
		if ref, err := reference.ParseDockerRef(image); err == nil {
			out = append(out, ref.String())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// inDockerfile returns the images that the Dockerfile of a build names. What cannot be read is told
// when it is built.
func inDockerfile(b *project.Build) []string {
	text := []byte(b.Inline)
	if b.Inline == "" {
		if !isFolder(b.Dockerfile) {
			return nil
		}
		f, err := os.Open(b.Dockerfile)
		if err != nil {
			return nil
		}
		defer f.Close()
		if text, err = io.ReadAll(io.LimitReader(f, mostOfDockerfile)); err != nil {
			return nil
		}
	}
	found, err := dockerfile.Images(text, b.Target, b.Args, slices.Collect(maps.Keys(b.Contexts)))
	if err != nil {
		return nil
	}
	return found
}

// basesOf adds the services that are not selected, and whose images builds begin with.
func (c *converter) basesOf(p *project.Project) {
	others := map[string]project.Service{} // that are built and not selected
	for name, s := range c.model.AllServices() {
		if _, selected := c.model.Services[name]; !selected && s.Build != nil {
			others[name] = project.Service{Name: name}
		}
	}
	if len(others) == 0 {
		return
	}
	refs := map[string]string{} // the services, by the names of their images
	for name := range others {
		s := c.model.AllServices()[name]
		quiet := place{&converter{src: c.src}, nil}
		for _, ref := range append(quiet.tags(s.Build.Tags), quiet.image(s)) {
			refs[ref] = min(name, cmp.Or(refs[ref], name))
		}
	}
	var visit func(b *project.Build)
	visit = func(b *project.Build) {
		if b == nil {
			return
		}
		needs := b.BuildsOn()
		for _, ref := range b.Bases {
			if name, ok := refs[ref]; ok {
				needs = append(needs, name)
			}
		}
		for _, name := range needs {
			if _, there := others[name]; !there {
				continue // selected, or visited
			}
			delete(others, name)
			base := c.base(name)
			p.Bases = append(p.Bases, base)
			visit(base.Build)
		}
	}
	for _, s := range p.Services {
		visit(s.Build)
	}
	slices.SortFunc(p.Bases, func(a, b project.Service) int { return cmp.Compare(a.Name, b.Name) })
}

// base converts what there is to know of a service that is only built.
func (c *converter) base(name string) project.Service {
	s := c.model.AllServices()[name]
	at := place{c, []string{"services", name}}
	return project.Service{
		Name: name, Pull: at.pullPolicy(s), Build: at.build(s),
		Template: project.Container{Project: c.src.name, Service: name, Image: at.image(s), Platform: at.platform(s)},
	}
}

// owners notes for each build the first service by name that makes the same image in
// the same way, selected or not: so an image is the same whoever asks for it.
func (c *converter) owners(p *project.Project) {
	all := c.model.AllServices()
	for _, of := range [][]project.Service{p.Services, p.Bases} {
		for _, s := range of {
			if s.Build == nil {
				continue
			}
			s.Build.Owner = s.Name
			for _, name := range slices.Sorted(maps.Keys(all)) {
				o := all[name]
				quiet := place{&converter{src: c.src, model: c.model, whole: c.whole}, []string{"services", name}}
				if o.Build != nil && quiet.image(o) == s.Template.Image && quiet.platform(o) == s.Template.Platform &&
					(name == s.Name || quiet.build(o).Same(*s.Build)) {
					s.Build.Owner = name
					break
				}
			}
		}
	}
}
