package planner

import (
	"fmt"
	"slices"
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
		return when == project.PullAlways || when == project.PullAfter
	})
}

// Refresh plans to fetch the images that are due by the pull policies of the
// services, of which containers are wanted: what is observed afterwards is what
// Up decides by. Images that are missing are left to Up, unless they are always
// pulled.
func Refresh(p *project.Project, obs Observed, opt Options) *Plan {
	b := newBuilder(p, obs, opt)
	for _, s := range p.Services {
		if s.Replicas == 0 {
			continue
		}
		for _, image := range s.Template.AllImages() {
			if why := b.stale(s, image); why != nil {
				b.add(pullImage(image), nil, b.signed(image, why))
			}
		}
	}
	slices.SortFunc(b.steps, func(x, y Step) int { return compareNatural(string(x.ID()), string(y.ID())) })
	return &Plan{Project: p.Name, Steps: b.steps}
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

// barred tells that no service pulls the image.
func (u *up) barred(image project.Image) bool {
	return !slices.ContainsFunc(u.project.Services, func(s project.Service) bool {
		return policy(s, u.opt).When != project.PullNever && slices.Contains(s.Template.AllImages(), image)
	})
}

func (u *up) missingImage(image project.Image, ps *problems) {
	rule := "pull_policy: never"
	if u.opt.Pull != nil {
		rule = "--pull never"
	}
	short := ShortImage(image.String())
	ps.conflict(project.ID{Kind: project.KindImage, Name: short},
		"it is not here, and not to be pulled with %s: use `gocompose image pull %s`, or load it", rule, ShortImage(image.Ref))
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
