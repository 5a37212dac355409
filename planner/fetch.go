package planner

import (
	"maps"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// PullServices plans to pull the images of the services of p: those that are not here, those that
// no pull policy is given for, and those whose policy has them pulled. Of an image that
// can be built too, and with Options.Lenient of all, that it fails is a warning.
func PullServices(p *project.Project, obs Observed, opt Options) *Plan {
	b := newBuilder(p, obs, opt)
	due := map[project.Image]bool{} // whether that it fails is an error
	for _, s := range p.Services {
		for i, image := range s.Template.AllImages() {
			built := i == 0 && s.Build != nil
			if built && (opt.NoBuilt || !s.Build.Named) || !b.fetched(s, image) {
				continue
			}
			due[image] = due[image] || !built && !opt.Lenient
		}
	}
	for _, image := range slices.SortedFunc(maps.Keys(due), compareImages) {
		op := pullImage(image)
		op.Optional = !due[image]
		b.add(op, nil, b.signed(image, because(Requested)))
	}
	return &Plan{Project: p.Name, Steps: b.steps}
}

// fetched tells whether a command that is there to pull pulls the image. A tag
// latest that is here may stand for another one by now.
func (b *builder) fetched(s project.Service, image project.Image) bool {
	pull := policy(s, b.opt)
	switch {
	case image.Ref == "" || pull.When == project.PullNever || pull.When == project.PullBuild:
		return false
	case pull.When == project.PullMissing && pull.Written != "":
		return !b.here(image) || strings.HasSuffix(image.Ref, ":latest")
	}
	return true
}

func compareImages(x, y project.Image) int { return compareNatural(x.String(), y.String()) }

// PushServices plans to send the images of the services of p that are built and have a name, by
// all their names. With Options.Lenient, that one fails is a warning.
func PushServices(p *project.Project, opt Options) *Plan {
	b := newBuilder(p, Observed{}, opt)
	b.push(func(project.Service) []StepID { return nil })
	slices.SortFunc(b.steps, func(x, y Step) int { return compareNatural(string(x.ID()), string(y.ID())) })
	return &Plan{Project: p.Name, Steps: b.steps, Notices: b.notices}
}

// push plans to send the images of services, each after what is said of it, and tells of tags
// that stay here.
func (b *builder) push(after func(project.Service) []StepID) {
	some := false
	for _, s := range b.project.Services {
		switch {
		case s.Build == nil:
		case s.Build.Named:
			some = true
			for _, ref := range s.Refs() {
				b.add(PushImage{Ref: ref, Platform: s.Template.Platform, Optional: b.opt.Lenient}, after(s), because(Requested))
			}
		case len(s.Build.Tags) > 0:
			b.notice("service " + s.Name + " has no image, so the tags of its build are not pushed: give it one, or use `gocompose image push " + s.Build.Tags[0] + "`")
		}
	}
	if !some {
		b.notice("nothing to push: no service that is meant has both build and image")
	}
}

// PushImages plans to send images.
func PushImages(images []project.Image) *Plan {
	p := &Plan{}
	for _, i := range slices.Compact(slices.SortedFunc(slices.Values(images), compareImages)) {
		p.Steps = append(p.Steps, Step{Op: PushImage{Ref: i.Ref, Platform: i.Platform}, Why: because(Requested)})
	}
	return p
}

// RemoveImages plans to take names of images away.
func RemoveImages(ops []RemoveImage) *Plan {
	b := newBuilder(&project.Project{}, Observed{}, Options{})
	for _, op := range ops {
		b.add(op, nil, because(Requested))
	}
	return &Plan{Steps: b.steps}
}
