package loader

import (
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// OfImage returns a project of no file: one service of the project's name with one
// container of an image, as o.OneOff wants it. It is on the host's default bridge, where
// nobody has a name. Of o count the project's name, the environment, and OneOff.
func OfImage(o Options, image string) (*project.Project, error) {
	o.Services = nil
	s, err := newSource(o)
	if err != nil {
		return nil, err
	}
	s.name, s.dir, s.envFiles = o.ProjectName, "", nil
	service := types.ServiceConfig{
		Name:          s.name,
		ContainerSpec: types.ContainerSpec{Image: image, NetworkMode: project.DefaultBridge},
	}
	model := &types.Project{Name: s.name, Environment: s.env, Services: types.Services{}}
	if err := s.overlay(&service, model); err != nil {
		return nil, err
	}
	model.Services[s.name] = service
	c := newConverter(s, model)
	p := c.project()
	if len(c.flags) > 0 {
		return nil, c.flags
	}
	if len(c.found) > 0 {
		problems := make(Problems, len(c.found))
		for i, f := range c.found {
			problems[i] = Problem{Text: f.text}
		}
		return nil, problems
	}
	p.Services[0].Template.Temporary = o.OneOff.Temporary
	return p, nil
}
