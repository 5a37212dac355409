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

func testVerify(s *suite) {
	op := planner.VerifyImage{Ref: s.Image}
	for _, op.Remote = range []bool{false, true} {
		s.pull()
		op.Policies = nil
		s.must(s.Backend.VerifyImage(s.ctx, op)) // nobody is asked for
		op.Policies = []project.Verify{{Key: "nobody.pub", Content: publicKey}}
		s.fails(s.Backend.VerifyImage(s.ctx, op), "verifying what nobody has signed, remote %v", op.Remote)
		op.Ref = s.MissingImage
		s.fails(s.Backend.VerifyImage(s.ctx, op), "verifying what is not there, remote %v", op.Remote)
		op.Ref = s.Image
	}
}

// publicKey is of nobody.
const publicKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEyfzfuUDn5b1Opcq67unovuXl5vu+
sX67HCJTpElex0kP+o6sRVh6gCyJvDMVdTPNOQuPL8n1NEM6r+PP9Br6/g==
-----END PUBLIC KEY-----
`

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
