package planner

import "github.com/gocompose/gocompose/project"

// Revive plans what restart policies ask for after a reboot, for the project of
// that name, by what is there: `always` starts a container, `unless-stopped`
// too, unless the user had stopped it; the others do not, and one that was never
// started stays as it is.
//
// They start in the order of depends_on, after the conditions there hold or
// cannot hold any more: a policy of `always` does not end where something else
// is broken. So no wait is more than a warning, and what policies leave alone is
// not waited for. As when the supervisor starts something again, no hooks are run.
func Revive(name string, obs Observed) (*Plan, error) {
	p := FromObserved(name, obs)
	for i := range p.Services {
		needs := p.Services[i].Template.Needs
		for j := range needs {
			needs[j].Optional = true
		}
	}
	b := newBuilder(p, obs, Options{NoHooks: true})
	b.clear()
	groups := instances(obs.Containers, func(c Container) bool { return !c.Stopped })
	for _, id := range sortedIDs(groups) {
		c := groups[id][0]
		for _, other := range groups[id] {
			if other.Running() {
				c = other
			}
		}
		switch {
		case c.Running():
			b.runs[c.Spec.Service] = append(b.runs[c.Spec.Service], c.ref())
		case c.revives():
			why := Reason{Cause: Policy, Field: "restart", To: string(c.Spec.Restart.Condition)}
			b.start(c.ref(), c.Spec.Service, b.lacking(c.Spec), []Reason{why})
		}
	}
	return b.finish(wholeGraph(b.project, obs.Containers))
}

// revives tells whether a container that does not run comes back after a reboot.
func (c Container) revives() bool {
	switch c.Spec.Restart.Condition {
	case project.RestartAlways:
		return c.State != StateCreated
	case project.RestartUnlessStopped:
		return c.State != StateCreated && !c.Stopped
	default:
		return false
	}
}
