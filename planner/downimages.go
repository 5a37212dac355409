package planner

import (
	"maps"

	"github.com/gocompose/gocompose/project"
)

// images plans to remove the images of the services that go, as Options.Images has it.
// With their containers, these do not need them any more.
func (d *down) images() {
	if d.opt.Images == ImagesStay {
		return
	}
	for _, s := range d.project.Services {
		for i, image := range s.Template.AllImages() {
			local := i == 0 && s.Build != nil && !s.Build.Named
			if (d.opt.Images == ImagesAll || local) && d.here(image) && d.goes(s.Name) {
				d.remove(RemoveImage{Ref: image.Ref})
			}
		}
	}
}

// goes tells whether the service is among those that are taken away.
func (d *down) goes(service string) bool {
	if len(d.opt.Selected) == 0 {
		return true
	}
	for _, name := range d.opt.Selected {
		if name == service {
			return true
		}
	}
	for _, c := range d.gone {
		if c.Spec.Service == service {
			return true
		}
	}
	return false
}

// has returns what c uses, and the images that it is made of, of whatever platform.
func has(c Container) map[project.ID]bool {
	out := uses(c)
	maps.Copy(out, imagesOf(c.Spec))
	return out
}

func imagesOf(c project.Container) map[project.ID]bool {
	out := map[project.ID]bool{}
	for _, i := range c.AllImages() {
		out[project.Image{Ref: i.Ref}.ID()] = true
	}
	return out
}
