package planner

import (
	"maps"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// hooks compares what runs around the life of a container. Commands and
// variables may be secret: it is said which attribute differs, and no more.
func (d *differ) hooks(h, w project.Hooks) {
	if !slices.EqualFunc(h.BeforeStart, w.BeforeStart, samePreStart) {
		d.changed(string(project.BeforeStart))
	}
	for _, m := range []project.Moment{project.AfterStart, project.BeforeStop} {
		if !slices.EqualFunc(h.At(m), w.At(m), sameHook) {
			d.changed(string(m))
		}
	}
}

func sameHook(h, w project.Hook) bool {
	return slices.Equal(h.Command, w.Command) && h.User == w.User && h.Privileged == w.Privileged &&
		h.WorkingDir == w.WorkingDir && maps.Equal(h.Env, w.Env) && slices.Equal(h.UnsetEnv, w.UnsetEnv)
}

func samePreStart(h, w project.PreStart) bool {
	return h.PerReplica == w.PerReplica && len(diff(Container{Spec: h.Container}, w.Container, nil)) == 0
}
