package backendtest

import (
	"reflect"

	"github.com/gocompose/gocompose/project"
)

// A container remembers which images it has mounted.
func testMountedImage(s *suite) {
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	spec := s.spec()
	spec.Mounts = []project.Mount{{Type: project.MountImage, Source: s.MissingImage, Target: "/image", ReadOnly: true}}
	s.fails(s.Backend.CreateContainer(s.ctx, s.id("n1"), spec, nil), "mounting %s", s.MissingImage)
	s.is(s.id("n1"), "")
	spec.Mounts[0].Source = s.Image
	for range 2 {
		s.must(s.Backend.CreateContainer(s.ctx, s.id("n1"), spec, nil))
	}
	for range 2 {
		s.must(s.Backend.StartContainer(s.ctx, s.id("n1")))
		s.must(s.Backend.StopContainer(s.ctx, s.id("n1"), 0))
	}
	c, _ := s.container(s.id("n1"))
	if want := s.observe().Images[s.Image]; want == "" || c.MountedImages["/image"] != want {
		s.Errorf("it has mounted %v, and the image's digest is %q", c.MountedImages, want)
	}
}

// A volume that was taken over is used by who has taken it.
func testVolumesFrom(s *suite) {
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	from := s.other("data", 1, func(c *project.Container) {
		c.Mounts = []project.Mount{{Type: project.MountVolume, Target: "/anonymous"}, {Type: project.MountTmpfs, Target: "/memory"}}
	})
	spec := s.spec()
	spec.VolumesFrom = []project.VolumesFrom{{Service: "data", ID: "gone"}}
	s.fails(s.Backend.CreateContainer(s.ctx, s.id("n1"), spec, nil), "taking over the mounts of what is not there")
	s.is(s.id("n1"), "")
	spec.VolumesFrom[0] = project.VolumesFrom{Service: "data", ID: from, ReadOnly: true}
	s.must(s.Backend.CreateContainer(s.ctx, s.id("n1"), spec, nil))
	s.must(s.Backend.StartContainer(s.ctx, s.id("n1")))
	has, _ := s.container(from)
	taker, _ := s.container(s.id("n1"))
	want := project.Mount{Type: project.MountVolume, Source: has.Anonymous["/anonymous"], Target: "/anonymous", ReadOnly: true, NoCopy: true}
	if len(taker.Taken) != 1 || !reflect.DeepEqual(taker.Taken[0], want) {
		s.Fatalf("it has taken over %+v, want %+v", taker.Taken, want)
	}
	s.must(s.Backend.RemoveContainer(s.ctx, from))
	volume := project.Volume{Name: want.Source, Project: projectName, Anonymous: true}
	s.fails(s.Backend.RemoveVolume(s.ctx, volume), "removing a volume that was taken over")
	s.gone(s.id("n1"))
	s.must(s.Backend.RemoveVolume(s.ctx, volume))
}
