package planner

import (
	"maps"
	"slices"
	"strings"

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
	d.builtImages()
}

// builtImages plans to remove the images that were built for a service without a name of
// the user's, and that no service's specification tells of any more: the file has given
// it another, there is no file, or the service has gone from it, whose images are orphans.
func (d *down) builtImages() {
	for _, ref := range slices.Sorted(maps.Keys(d.obs.Built)) {
		op, service := RemoveImage{Ref: ref}, d.obs.Built[ref]
		if !unnamed(ref, d.project.Name, service) || len(d.planned(VerbRemove, op.Target())) > 0 {
			continue
		}
		if d.orphaned(service) && d.opt.RemoveOrphans && len(d.opt.Selected) == 0 || d.ours(service) && d.goes(service) {
			d.remove(op)
		}
	}
}

// unnamed tells whether a name is the one that an image gets which has none of the
// user's, of docker compose's two forms.
func unnamed(ref, projectName, service string) bool {
	name := strings.TrimSuffix(ShortImage(ref), ":latest")
	return name == projectName+"-"+service || name == projectName+"_"+service
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
