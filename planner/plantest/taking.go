package plantest

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// takes checks that a container has the mounts of the containers that are there
// now of those whose mounts it takes over.
func (l *life) takes(c planner.Container, obs planner.Observed) error {
	var shared [][]project.Mount
	for _, f := range c.Spec.VolumesFrom {
		first := project.Container{Service: f.Service, Replica: 1}.ID()
		var of planner.Container
		for _, o := range obs.Containers {
			if o.Spec.ID() == first || o.Spec.Name == f.Container {
				of = o
			}
		}
		if of.ID == "" && obs.OtherIDs[f.Container] == "" {
			return fmt.Errorf("%s has the mounts of %s, which is not there", c.ID, f)
		}
		shared = append(shared, of.Spec.Shared(of.Anonymous, of.Taken))
	}
	same := func(x, y project.Mount) bool { return reflect.DeepEqual(x, y) }
	if want := c.Spec.Taken(shared); !slices.EqualFunc(c.Taken, want, same) {
		return fmt.Errorf("%s has taken over %+v, and there is now %+v", c.ID, c.Taken, want)
	}
	return nil
}
