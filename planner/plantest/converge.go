package plantest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// Converge brings the projects up in one world, each after the one before, and
// takes the last down, and returns the first broken promise. They bear
// ProjectName. What they count on is there: images, networks, volumes and
// containers of others. A project that is refused is passed over; so is what
// comes after waits that cannot end.
func Converge(projects ...*project.Project) error {
	l := &life{world: newStockedWorld(), parallel: 1}
	var last *project.Project
	for i, p := range projects {
		l.stock(p)
		up, err := l.up(p, planner.Options{Nonce: l.nonce(), RemoveOrphans: true})
		if err != nil {
			return fmt.Errorf("project %d: %w", i, err)
		}
		if up == nil {
			continue
		}
		before := l.world.Observe(ProjectName)
		last = p
		err = l.carry(up, p)
		if waitedInVain(err) {
			continue
		}
		err = errors.Join(err, l.inherited(before))
		if err == nil {
			err = errors.Join(l.asWanted(p), l.settled(p))
		}
		if err != nil {
			return fmt.Errorf("project %d: after up: %w\n%s", i, err, up)
		}
	}
	if last == nil {
		return nil
	}
	there := l.world.Observe(ProjectName)
	down, err := planner.Down(planner.FromObserved(ProjectName, there), there, planner.Options{Volumes: true})
	if err != nil {
		return fmt.Errorf("down: %w", err)
	}
	if err := l.carry(down, nil); err != nil {
		return fmt.Errorf("down: %w", err)
	}
	return l.nothingLeft(last)
}

// stock has all there that p counts on.
func (l *life) stock(p *project.Project) {
	for _, n := range p.Networks {
		if n.External {
			l.world.Put(n.Name, "")
		}
	}
	for _, v := range p.Volumes {
		if v.External {
			l.world.Put("", v.Name)
		}
	}
	for _, s := range p.Services {
		for i, image := range s.Template.AllImages() {
			if i == 0 && s.Build != nil {
				continue // it is to be built
			}
			l.world.Publish(image.String(), "sha256:00", "/image")
		}
		for _, name := range others(s.Template) {
			l.world.Neighbour("other", name)
		}
	}
}

// others are the containers that c counts on by their names.
func others(c project.Container) (names []string) {
	for _, share := range c.Shares() {
		names = append(names, share.Container)
	}
	for _, link := range c.Links {
		names = append(names, link.Container)
	}
	for _, from := range c.VolumesFrom {
		names = append(names, from.Container)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
