package loader

import (
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/gocompose/gocompose/project"
)

// clashes notes of what is built which names of its image a service of the project gives to another
// one. Both would be made, and whoever came last would have the name.
func (c *converter) clashes(p *project.Project) {
	var built []project.Service
	for _, s := range slices.Concat(p.Services, p.Bases) {
		if s.Build != nil {
			built = append(built, s)
		}
	}
	for i, s := range built {
		for _, o := range built[:i] {
			for _, ref := range s.Refs() {
				if slices.Contains(o.Refs(), ref) && !sameImage(s, o) {
					text := c.clash(o, s, ref)
					o.Build.Clashes, s.Build.Clashes = append(o.Build.Clashes, text), append(s.Build.Clashes, text)
				}
			}
		}
	}
}

// sameImage tells whether it does not matter which of two services makes an image that they have
// a common name for. What is built once gets all the names of one of them.
func sameImage(s, o project.Service) bool {
	once := s.Template.WantedImage() == o.Template.WantedImage()
	if s.Template.Platform != o.Template.Platform || once && !slices.Equal(s.Build.Tags, o.Build.Tags) {
		return false
	}
	a, b := *s.Build, *o.Build
	a.Tags = b.Tags
	return a.Same(b)
}

// clash says where the two are.
func (c *converter) clash(one, other project.Service, ref string) string {
	first := c.src.problems([]finding{c.naming(one, ref)})[0]
	f := c.naming(other, ref)
	f.text = "service " + one.Name + " builds " + familiar(ref) + " too, in another way (" + first.String() + "): give one of the images another name"
	return c.src.problems([]finding{f})[0].String()
}

func familiar(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return strings.TrimSuffix(reference.FamiliarString(named), ":latest")
}

// naming is the place where a service that is built names its image so.
func (c *converter) naming(s project.Service, ref string) finding {
	at := place{c, []string{"services", s.Name}}
	if ref != s.Template.Image {
		for i, tag := range c.model.AllServices()[s.Name].Build.Tags {
			if named, err := reference.ParseDockerRef(tag); err == nil && named.String() == ref {
				return finding{path: at.in("build", "tags", index(i)).path, near: tag}
			}
		}
	}
	if ref == s.Template.Image && s.Build.Named {
		return finding{path: at.in("image").path}
	}
	return finding{path: at.in("build").path}
}
