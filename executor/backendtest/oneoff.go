package backendtest

import (
	"slices"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// A one-off is none of its service's replicas. Before its first start it is left over;
// its anonymous volumes stay unless it is to go by itself.
func testOneOff(s *suite) {
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	template := s.spec()
	template.Name, template.Replica = "", 0
	template.Mounts = []project.Mount{{Type: project.MountVolume, Target: "/anonymous"}}
	for slug, temporary := range map[string]bool{"0123456789ab": false, "0123456789ac": true} {
		template.Temporary = temporary
		c := project.Service{Name: "web", Template: template}.AsOneOff(slug).Template
		id := planner.OneOffID(projectName, "web", slug)
		s.must(s.Backend.CreateContainer(s.ctx, id, c, nil))
		obs := s.observe()
		if len(obs.Containers) != 0 || len(obs.OneOffs) != 0 || len(obs.Leftovers) != 1 {
			s.Fatalf("before its start there are %d replicas, %d one-offs, and %d are left over", len(obs.Containers), len(obs.OneOffs), len(obs.Leftovers))
		}
		volume := obs.Leftovers[0].Anonymous["/anonymous"]
		if volume == "" {
			s.Fatal("there is no anonymous volume")
		}
		s.must(s.Backend.StartContainer(s.ctx, id))
		obs = s.observe()
		if len(obs.Containers) != 0 || len(obs.OneOffs) != 1 || len(obs.Leftovers) != 0 {
			s.Fatalf("while it runs there are %d replicas, %d one-offs, and %d are left over", len(obs.Containers), len(obs.OneOffs), len(obs.Leftovers))
		}
		s.must(s.Backend.StopContainer(s.ctx, id, 0))
		for range 2 {
			s.must(s.Backend.RemoveContainer(s.ctx, id))
		}
		obs = s.observe()
		if len(obs.OneOffs)+len(obs.Leftovers) != 0 {
			s.Errorf("it is still there")
		}
		if stays := slices.ContainsFunc(obs.Volumes, func(v project.Volume) bool { return v.Name == volume }); stays == temporary {
			s.Errorf("temporary: %v, and its anonymous volume stays: %v", temporary, stays)
		}
	}
}
