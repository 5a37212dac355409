package planner

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/project"
)

// PullImages plans to fetch images, whether they are there or not.
func PullImages(images []project.Image) *Plan {
	p := &Plan{}
	for _, image := range slices.Compact(slices.SortedFunc(slices.Values(images), compareImages)) {
		p.Steps = append(p.Steps, Step{Op: pullImage(image), Why: because(Requested)})
	}
	return p
}

// Refreshes tells whether Refresh can have something to do, and so whether it is
// worth looking for images.
func Refreshes(p *project.Project, opt Options) bool {
	return slices.ContainsFunc(p.Services, func(s project.Service) bool {
		when := policy(s, opt).When
		return when == project.PullAlways || when == project.PullAfter || s.Build != nil && opt.Build != BuildNever
	})
}

// Refresh plans to build what is to be built, and to fetch the images that are due by the
// pull policies of the services, of which containers are wanted: what is observed afterwards is
// what Up decides by. Images that are missing and not built are left to Up, unless they are always
// pulled. It fails with a *RefusedError.
func Refresh(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	b := newBuilder(p, obs, opt)
	for _, s := range p.Services {
		for i, image := range s.Template.AllImages() {
			own := i == 0 && s.Build != nil
			builder, builds := b.builderOf(image)
			switch {
			case builds && b.rebuilt(builder.Template.WantedImage()) != nil:
				b.build(builder, b.rebuilt(builder.Template.WantedImage()))
			case builds && !b.here(image) && (own || s.Replicas > 0):
				b.obtain(image)
			case s.Replicas == 0 || own && !s.Build.Named:
			default:
				if why := b.stale(s, image); why != nil {
					op := pullImage(image)
					op.Optional = builds
					b.add(op, nil, b.signed(image, why))
				}
			}
		}
	}
	return b.prepared()
}

// policy returns the pull policy of a service: the user's, or its own.
func policy(s project.Service, opt Options) project.PullPolicy {
	if opt.Pull != nil {
		return *opt.Pull
	}
	return s.Pull
}

// stale returns why an image of the service is to be pulled though it may be here.
func (b *builder) stale(s project.Service, image project.Image) []Reason {
	pull := policy(s, b.opt)
	switch {
	case pull.When == project.PullAlways && b.opt.Pull != nil:
		return because(Requested)
	case pull.When == project.PullAlways:
		return []Reason{{Cause: Due, To: pull.Written}}
	case pull.When != project.PullAfter || !b.here(image):
		return nil
	}
	age := b.opt.Now.Sub(b.obs.Pulled[image.String()])
	if age < pull.After {
		return nil
	}
	return []Reason{{Cause: Due, From: ago(age), To: pull.Written}}
}

// ago says how long something is ago, in the largest unit that it fills twice.
func ago(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if d >= 2*unit.size {
			return fmt.Sprintf("%d %s ago", d/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds ago", d/time.Second)
}

// here tells whether the image is on the host.
func (b *builder) here(i project.Image) bool {
	_, here := b.obs.Images[i.String()]
	return here
}

// missingImages are those that containers are to be made from, and that must not
// be pulled: not for that service, nor for another.
func (u *up) missingImages(ps *problems) {
	told := map[project.Image]bool{}
	for _, r := range u.wanted {
		var needs []project.Image
		if r.creates() {
			needs = r.want.Images()
		}
		if u.begins(r) {
			needs = append(needs, r.want.AllImages()[len(r.want.Images()):]...)
		}
		for _, image := range needs {
			if !u.here(image) && !told[image] && u.barred(image) {
				told[image] = true
				u.missingImage(image, ps)
			}
		}
	}
}

// barred tells that no service pulls the image, or builds it.
func (u *up) barred(image project.Image) bool {
	if _, builds := u.builderOf(image); builds {
		return false
	}
	return !slices.ContainsFunc(u.project.Services, func(s project.Service) bool {
		when := policy(s, u.opt).When
		made := s.Build != nil && !s.Build.Named && s.Template.WantedImage() == image
		return when != project.PullNever && when != project.PullBuild && !made && slices.Contains(s.Template.AllImages(), image)
	})
}

func (u *up) missingImage(image project.Image, ps *problems) {
	short := ShortImage(image.String())
	id := project.ID{Kind: project.KindImage, Name: short}
	var rule string
	for _, s := range u.project.Services {
		switch own := policy(s, u.opt); {
		case !slices.Contains(s.Template.AllImages(), image):
		case s.Build != nil && s.Template.WantedImage() == image:
			ps.conflict(id, "it is not here, and not to be built with --no-build: use `gocompose build %s`, or leave that out", s.Name)
			return
		case u.opt.Pull != nil:
			rule = "--pull " + cmp.Or(own.Written, string(own.When))
		case rule == "":
			rule = "pull_policy: " + cmp.Or(own.Written, string(own.When))
		}
	}
	ps.conflict(id, "it is not here, and not to be pulled with %s: use `gocompose image pull %s`, or load it", rule, ShortImage(image.Ref))
}

// Before returns the plan with the steps and notices of first before its own, each step
// once.
func (p *Plan) Before(first *Plan) *Plan {
	out := *p
	out.Notices = slices.Concat(first.Notices, p.Notices)
	out.Steps = slices.Clone(first.Steps)
	for _, s := range p.Steps {
		if !slices.ContainsFunc(first.Steps, func(f Step) bool { return f.ID() == s.ID() }) {
			out.Steps = append(out.Steps, s)
		}
	}
	return &out
}

// Foreseen returns the plan with what is due before it, and names the containers that are
// replaced if that has other images come of it.
func Foreseen(p *project.Project, plan, due *Plan) *Plan {
	out := plan.Before(due)
	if p == nil || due.Empty() {
		return out
	}
	stays := map[project.ID]bool{}
	for _, c := range plan.Unchanged {
		stays[c.Target] = true
	}
	b := newBuilder(p, Observed{}, Options{})
	for _, step := range due.Steps {
		b.add(step.Op, nil, step.Why)
	}
	var names []string
	var ids []project.ID
	for _, s := range p.Services {
		for _, c := range s.Containers() {
			if stays[c.ID()] && slices.ContainsFunc(c.Images(), func(i project.Image) bool { return len(b.obtained(i)) > 0 }) {
				names, ids = append(names, c.ID().String()), append(ids, c.ID())
			}
		}
	}
	if len(names) > 0 {
		out.Notices = append(slices.Clip(out.Notices), Notice{"replaced too if their images turn out to be others: " + strings.Join(names, ", "), ids})
	}
	return out
}
