package backendtest

import (
	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func (s *suite) pull() {
	s.Helper()
	s.must(s.Backend.PullImage(s.ctx, project.Image{Ref: s.Image}, func(executor.Progress) {}))
}

func (s *suite) hasImage(want bool) {
	s.Helper()
	if _, there := s.observe().Images[s.Image]; there != want {
		s.Fatalf("%s is there: %v, want %v", s.Image, there, want)
	}
}

func testPush(s *suite) {
	for range 2 {
		s.must(s.Backend.PushImage(s.ctx, project.Image{Ref: s.Image}, func(executor.Progress) {}))
	}
	s.must(s.Backend.RemoveImage(s.ctx, planner.RemoveImage{Ref: s.Image}))
	s.hasImage(false)
	s.pull()
	s.hasImage(true)
}

func testPushMissing(s *suite) {
	s.fails(s.Backend.PushImage(s.ctx, project.Image{Ref: s.MissingImage}, func(executor.Progress) {}), "pushing %s", s.MissingImage)
}

func testRemoveImage(s *suite) {
	defer s.pull() // for the others
	for range 2 {
		s.pull()
		for range 2 { // the second time it is not there
			s.must(s.Backend.RemoveImage(s.ctx, planner.RemoveImage{Ref: s.Image}))
			s.hasImage(false)
		}
	}
	s.pull()
	id := s.create("n1")
	s.fails(s.Backend.RemoveImage(s.ctx, planner.RemoveImage{Ref: s.Image}), "removing an image that a container has")
	s.hasImage(true)
	s.must(s.Backend.RemoveImage(s.ctx, planner.RemoveImage{Ref: s.Image, Used: true}))
	s.hasImage(false)
	s.must(s.Backend.StartContainer(s.ctx, id)) // which has what it needs of it
	s.is(id, planner.StateRunning)
}
