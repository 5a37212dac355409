package planner

import (
	"cmp"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// policies returns by whom an image has to be signed for the services that have it, each
// once.
func (b *builder) policies(image project.Image) []project.Verify {
	var out []project.Verify
	for _, s := range b.project.Services {
		if s.Verify != (project.Verify{}) && slices.Contains(s.Template.AllImages(), image) {
			out = append(out, s.Verify)
		}
	}
	slices.SortFunc(out, func(x, y project.Verify) int {
		return cmp.Or(cmp.Compare(x.By(), y.By()), cmp.Compare(x.Digest(), y.Digest()))
	})
	return slices.CompactFunc(out, func(x, y project.Verify) bool { return x.Digest() == y.Digest() })
}

// signed are the reasons to look at the signatures of what is pulled, beside that for
// pulling it.
func (b *builder) signed(image project.Image, why []Reason) []Reason {
	out := slices.Clone(why)
	for _, p := range b.policies(image) {
		out = append(out, Reason{Cause: Signed, To: p.By()})
	}
	return out
}

// fetch plans to pull an image for what is made, and to look at its signatures before.
func (b *builder) fetch(image project.Image, why []Reason) StepID {
	return b.add(pullImage(image), b.verify(image, b.policies(image), true), b.signed(image, why))
}

// verify plans to see whether an image is signed as the policies ask for: the one that is
// here, or the one in its registry.
func (b *builder) verify(image project.Image, policies []project.Verify, remote bool) []StepID {
	if len(policies) == 0 {
		return nil
	}
	op := VerifyImage{Ref: image.Ref, Platform: image.Platform, Policies: policies, Remote: remote}
	return []StepID{b.add(op, nil, b.signed(image, nil))}
}

// verifyPresent plans to see whether the images that are here, and of which containers are
// wanted, are signed, as far as that is not known.
func (u *up) verifyPresent() {
	for _, r := range u.wanted {
		for _, image := range r.want.AllImages() {
			if !u.here(image) {
				continue
			}
			unknown := slices.DeleteFunc(u.policies(image), func(p project.Verify) bool {
				return slices.Contains(u.obs.Verified[image.String()], p.Digest())
			})
			u.verify(image, unknown, false)
		}
	}
}

// verifyFirst has nothing be done before it is known of all images that they are signed:
// a project is not brought up without one of its services.
func (b *builder) verifyFirst() {
	var checks []StepID
	for _, s := range b.steps {
		if s.Op.Verb() == VerbVerify {
			checks = append(checks, s.ID())
		}
	}
	for i := range b.steps {
		if b.steps[i].Op.Verb() != VerbVerify {
			b.steps[i].Needs = append(b.steps[i].Needs, checks...)
		}
	}
}
