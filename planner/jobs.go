package planner

import "github.com/gocompose/gocompose/project"

// completed notes the replicas that are done: those of jobs, whose containers stay
// and have ended with success by themselves. One whose namespace others are in has to
// run for them.
func (b *builder) completed(list []replica) {
	jobs, shared := map[string]bool{}, map[project.ID]bool{}
	for _, s := range b.project.Services {
		jobs[s.Name] = s.Job
		for _, of := range b.owners(s.Template) {
			shared[of] = true
		}
	}
	for i := range list {
		r := &list[i]
		if !jobs[r.want.Service] || r.creates() || shared[r.want.ID()] {
			continue
		}
		c := r.have[0]
		r.done = c.State == StateExited && c.ExitCode == 0 && !c.Stopped
	}
}
