package planner

import (
	"cmp"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// DefaultSignal is what Kill sends when nothing else is asked for.
const DefaultSignal = "SIGKILL"

// Kill plans to send Options.Signal to the running containers of the services
// selected, or of all of p, all at once, also to those of `run`. A service that was named and does not
// run is a *NotRunningError. With Options.RemoveOrphans the containers of
// services that the files do not define are stopped without grace and removed, and
// those of `run` that have ended.
func Kill(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	opt.NoHooks = true
	b := newBuilder(p, obs, opt)
	var ps problems
	b.unknownServices(&ps)
	meant := b.meant(opt.Selected)
	signal := cmp.Or(opt.Signal, DefaultSignal)
	runs := map[string]bool{}
	groups := instances(obs.Containers, nil)
	for _, id := range sortedIDs(groups) {
		for _, c := range groups[id] {
			service := c.Spec.Service
			switch {
			case b.spared(c):
			case b.orphaned(service) && opt.RemoveOrphans:
				b.end(c)
			case meant[service] && c.Running():
				runs[service] = true
				b.kill(c, signal)
			}
		}
	}
	for _, c := range oneOffs(obs) {
		switch service := c.Spec.Service; {
		case b.spared(c):
		case (b.orphaned(service) || c.State == StateExited) && opt.RemoveOrphans:
			b.end(c)
		case meant[service] && c.Running():
			runs[service] = true
			b.kill(c, signal)
		}
	}
	for _, name := range opt.Selected {
		if !runs[name] {
			ps.add(&NotRunningError{name})
		}
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	return b.finish(wholeGraph(b.project, obs.Containers))
}

// kill plans to send a signal to c. What is about to be started again has no
// process; a signal that would end it ends that.
func (b *builder) kill(c instance, signal string) {
	switch {
	case c.State != StateRestarting:
		b.add(KillContainer{c.ref(), signal}, nil, because(Requested))
	case ends(c.Spec, signal):
		b.add(StopContainer{c.ref(), 0}, nil, because(Requested))
	}
}

// end plans to stop an orphan without grace, when it runs, and to remove it.
func (b *builder) end(c instance) {
	var needs []StepID
	if c.Running() {
		needs = append(needs, b.add(StopContainer{c.ref(), 0}, nil, because(Orphaned)))
	}
	b.add(RemoveContainer{c.ref()}, needs, because(Orphaned))
}

// ends tells whether who sends the signal wants the container to end: SIGKILL,
// or its own stop signal.
func ends(c project.Container, signal string) bool {
	name := strings.TrimPrefix(strings.ToUpper(signal), "SIG")
	stop := strings.TrimPrefix(strings.ToUpper(cmp.Or(c.StopSignal, "SIGTERM")), "SIG")
	return name == "KILL" || name == "9" || name == stop
}
