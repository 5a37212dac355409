package backendtest

import (
	"maps"
	"slices"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func testNetworks(s *suite) {
	n := s.network()
	there := func() bool {
		return slices.ContainsFunc(s.observe().Networks, func(o project.Network) bool {
			return o.Name == n.Name && o.Project == n.Project
		})
	}
	for range 2 {
		s.must(s.Backend.RemoveNetwork(s.ctx, n)) // which is not there
		for range 2 {
			s.must(s.Backend.CreateNetwork(s.ctx, n))
			if !there() {
				s.Fatal("the network is not there")
			}
		}
		s.must(s.Backend.RemoveNetwork(s.ctx, n))
		if there() {
			s.Fatal("the network is still there")
		}
	}
}

func testVolumes(s *suite) {
	v := s.volume()
	there := func() bool {
		return slices.ContainsFunc(s.observe().Volumes, func(o project.Volume) bool {
			return o.Name == v.Name && o.Project == v.Project && o.Key == v.Key
		})
	}
	for range 2 {
		s.must(s.Backend.RemoveVolume(s.ctx, v))
		for range 2 {
			s.must(s.Backend.CreateVolume(s.ctx, v))
			if !there() {
				s.Fatal("the volume is not there")
			}
		}
		s.must(s.Backend.RemoveVolume(s.ctx, v))
		if there() {
			s.Fatal("the volume is still there")
		}
	}
}

func testPull(s *suite) {
	for range 2 {
		s.must(s.Backend.PullImage(s.ctx, project.Image{Ref: s.Image}, func(executor.Progress) {}))
	}
	if s.observe().Images[s.Image] == "" {
		s.Errorf("%s is not among %v", s.Image, s.observe().Images)
	}
}

func testPullMissing(s *suite) {
	s.fails(s.Backend.PullImage(s.ctx, project.Image{Ref: s.MissingImage}, func(executor.Progress) {}), "pulling %s", s.MissingImage)
	if _, there := s.observe().Images[s.MissingImage]; there {
		s.Errorf("%s is there", s.MissingImage)
	}
}

func testNetworkInUse(s *suite) {
	id := s.create("n1")
	s.must(s.Backend.StartContainer(s.ctx, id))
	s.fails(s.Backend.RemoveNetwork(s.ctx, s.network()), "removing a network in use")
	s.must(s.Backend.StopContainer(s.ctx, id, 0))
	s.must(s.Backend.StartContainer(s.ctx, id)) // the network is as good as before
	s.must(s.Backend.StopContainer(s.ctx, id, 0))
	s.must(s.Backend.RemoveContainer(s.ctx, id))
	s.must(s.Backend.RemoveNetwork(s.ctx, s.network()))
}

// The container is of another project, and need not run: its data is its data.
func testVolumeInUse(s *suite) {
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	s.must(s.Backend.CreateVolume(s.ctx, s.volume()))
	spec := s.spec()
	spec.Project, spec.Name = "other", "other-web-1"
	spec.Mounts = []project.Mount{{Type: project.MountVolume, Source: s.volume().Name, Target: "/data"}}
	id := planner.ContainerID("other", "web", 1, "n1")
	s.must(s.Backend.CreateContainer(s.ctx, id, spec, nil))
	s.fails(s.Backend.RemoveVolume(s.ctx, s.volume()), "removing a volume in use")
	s.must(s.Backend.RemoveContainer(s.ctx, id))
	s.must(s.Backend.RemoveVolume(s.ctx, s.volume()))
}

// A volume that was removed can be made by another definition, and used by it.
func testVolumeRedefined(s *suite) {
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	s.must(s.Backend.CreateVolume(s.ctx, s.volume()))
	s.must(s.Backend.RemoveVolume(s.ctx, s.volume()))
	v := s.volume()
	v.Options = map[string]string{"type": "tmpfs", "o": "size=1m"}
	s.must(s.Backend.CreateVolume(s.ctx, v))
	if !slices.ContainsFunc(s.observe().Volumes, func(o project.Volume) bool { return o.Name == v.Name && maps.Equal(o.Options, v.Options) }) {
		s.Errorf("the volumes are %+v", s.observe().Volumes)
	}
	spec := s.spec()
	spec.Mounts = []project.Mount{{Type: project.MountVolume, Source: v.Name, Target: "/data"}}
	id := s.id("n1")
	s.must(s.Backend.CreateContainer(s.ctx, id, spec, nil))
	for range 2 {
		s.must(s.Backend.StartContainer(s.ctx, id))
		s.is(id, planner.StateRunning)
		s.fails(s.Backend.RemoveVolume(s.ctx, v), "removing a volume in use")
		s.must(s.Backend.StopContainer(s.ctx, id, 0))
	}
	s.must(s.Backend.RemoveContainer(s.ctx, id))
	s.must(s.Backend.RemoveVolume(s.ctx, v))
}
