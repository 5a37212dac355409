package planner

import (
	"cmp"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// replica is one wanted container and what is to become of it.
type replica struct {
	// want is what the files ask for; where it must not be replaced, what is
	// there.
	want project.Container
	// have are the containers that are there for it: the one that counts, then
	// those left by interrupted replacements.
	have []instance
	// why is why a container must be made; none when the first of have stays.
	why []Reason
	// done: the first of have stays, and has run to completion: it is of a job.
	done bool
}

func (r replica) creates() bool { return len(r.why) > 0 }

func (r replica) replaces() bool { return r.creates() && len(r.have) > 0 }

// stayingFirst orders replicas so that what is made finds names and ports held
// by what stays, and not the other way round.
func stayingFirst(list []replica) []replica {
	return slices.SortedStableFunc(slices.Values(list), func(x, y replica) int {
		return cmp.Compare(min(len(x.why), 1), min(len(y.why), 1))
	})
}

// starts tells whether the container that stays or is made must be started.
func (r replica) starts() bool { return r.creates() || !r.have[0].Running() && !r.done }

// replicas decides about every wanted container, in the order of the project.
func (b *builder) replicas() []replica {
	byID := map[project.ID]project.Container{}
	var order []project.Container
	for _, s := range b.project.Services {
		for _, c := range s.Containers() {
			byID[c.ID()] = c
			order = append(order, c)
		}
	}
	fits := func(c Container) bool {
		want, wanted := byID[c.Spec.ID()]
		return wanted && len(diff(c, want, b.obs.Images)) == 0
	}
	there := instances(b.obs.Containers, fits)
	out := make([]replica, len(order))
	for i, want := range order {
		out[i] = b.decide(want, there[want.ID()])
	}
	b.completed(out)
	return out
}

func (b *builder) decide(want project.Container, have []instance) replica {
	r := replica{want: want, have: have}
	switch {
	case want.OneOff():
		r.why = because(Requested)
	case len(have) == 0:
		r.why = because(Missing)
	case b.opt.Recreate == RecreateNever:
		r.want = have[0].Spec // with the name and the ports that it has
	case b.forced(want.Service):
		r.why = because(Requested)
	default:
		r.why = diff(have[0].Container, want, b.obs.Images)
	}
	return r
}

// selected tells whether the user meant the service: by naming it, or all.
func (b *builder) selected(service string) bool {
	return len(b.opt.Selected) == 0 || slices.Contains(b.opt.Selected, service)
}

func (b *builder) forced(service string) bool {
	switch b.opt.Recreate {
	case RecreateAll:
		return true
	case RecreateSelected:
		return b.selected(service)
	case RecreateDependencies:
		return !b.selected(service)
	default:
		return false
	}
}

// inherit returns the anonymous volumes that pass to the replacement: those at
// targets where it has no other mount. The container that counts goes first; a
// volume that only an earlier one had is not lost either.
func (b *builder) inherit(r replica) map[string]string {
	if b.opt.RenewAnonymous {
		return nil
	}
	var out map[string]string
	for _, c := range r.have {
		for target, volume := range c.Anonymous {
			if _, has := out[target]; has || otherwiseMounted(r.want, target) {
				continue
			}
			if out == nil {
				out = map[string]string{}
			}
			out[target] = volume
		}
	}
	return out
}

func otherwiseMounted(c project.Container, target string) bool {
	return slices.ContainsFunc(c.Mounts, func(m project.Mount) bool {
		return m.Target == target && (m.Type != project.MountVolume || m.Source != "")
	})
}
