package backendtest

import "github.com/gocompose/gocompose/project"

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
