package backendtest

import (
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// The images that the suite builds.
const (
	builtImage = "docker.io/library/conformance-built:latest"
	builtTag   = "docker.io/library/conformance-built:tag"
	upperImage = "docker.io/library/conformance-upper:latest"
)

// building returns how an image is built of a text.
func (s *suite) building(ref, text string) planner.BuildImage {
	if s.Context == "" {
		s.Skip("there is nothing that builds")
	}
	return planner.BuildImage{Ref: ref, Service: "built", Build: project.Build{Context: s.Context, Inline: text}}
}

// digest returns what an image is, empty when it is not there.
func (s *suite) digest(ref string) string {
	s.Helper()
	p := &project.Project{Name: projectName}
	for _, ref := range []string{builtImage, builtTag, upperImage} {
		p.Services = append(p.Services, project.Service{Name: ref, Template: project.Container{Image: ref}})
	}
	images, err := s.Images(s.ctx, p)
	s.must(err)
	return images.Images[ref]
}

func (s *suite) forget(refs ...string) {
	for _, ref := range refs {
		s.must(s.Backend.RemoveImage(s.ctx, planner.RemoveImage{Ref: ref}))
	}
}

func testBuild(s *suite) {
	op := s.building(builtImage, "FROM scratch\nCOPY file /file\n")
	op.Build.Tags = []string{builtTag}
	defer s.forget(builtImage, builtTag)
	s.must(s.Backend.BuildImage(s.ctx, op))
	first := s.digest(builtImage)
	if first == "" || s.digest(builtTag) != first {
		s.Fatalf("built as %q, and by its tag %q", first, s.digest(builtTag))
	}
	s.must(s.Backend.BuildImage(s.ctx, op))
	if again := s.digest(builtImage); again != first {
		s.Errorf("built again it is %s, not %s", again, first)
	}
	other := s.building(builtImage, "FROM scratch\nCOPY file /other\n")
	other.Unless = []string{builtImage, builtTag}
	s.must(s.Backend.BuildImage(s.ctx, other))
	if s.digest(builtImage) != first {
		s.Error("built though it was there")
	}
	s.forget(builtTag) // without which it is not all there
	s.must(s.Backend.BuildImage(s.ctx, other))
	if s.digest(builtImage) == first {
		s.Error("built in another way it is the same")
	}
}

func testBuildOn(s *suite) {
	lower := s.building(builtImage, "FROM scratch\nCOPY file /file\n")
	upper := s.building(upperImage, "FROM below\nCOPY --from="+builtImage+" /file /copy\n")
	upper.Build.Contexts = map[string]string{"below": "service:built"}
	upper.Build.Bases = []string{builtImage}
	upper.Images = map[string]string{"built": builtImage}
	defer s.forget(builtImage, upperImage)
	s.fails(s.Backend.BuildImage(s.ctx, upper), "building on what is not there")
	s.must(s.Backend.BuildImage(s.ctx, lower))
	s.must(s.Backend.BuildImage(s.ctx, upper))
	if s.digest(upperImage) == "" {
		s.Error("it is not there")
	}
}

func testBuildFailing(s *suite) {
	op := s.building(upperImage, "FROM "+s.MissingImage+"\n")
	op.Build.Bases = []string{s.MissingImage}
	s.fails(s.Backend.BuildImage(s.ctx, op), "building on an image that is nowhere")
	if s.digest(upperImage) != "" {
		s.Error("it is there all the same")
	}
}
