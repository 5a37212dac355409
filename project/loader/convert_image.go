package loader

import (
	"cmp"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"

	"github.com/gocompose/gocompose/project"
)

// defaultPlatform is the variable that says what platform images are for whose
// services do not.
const defaultPlatform = "DOCKER_DEFAULT_PLATFORM"

// image returns the normalised reference of a service's image: of one that is
// built and has no name, docker compose's for it.
func (p place) image(s types.ServiceConfig) string {
	if s.Image == "" && s.Build == nil {
		p.problem(noImage)
		return ""
	}
	if s.Image == "" {
		name := p.c.src.name + cmp.Or(p.c.src.separator, project.Separator) + s.Name
		ref, err := reference.ParseDockerRef(name)
		if err != nil {
			p.problem("an image cannot be called %q: name it with `image`", name)
			return ""
		}
		return ref.String()
	}
	ref, err := reference.ParseDockerRef(s.Image)
	if err != nil {
		p.in("image").problem("%q is not an image reference like nginx:1.27: %v", s.Image, err)
		return ""
	}
	return ref.String()
}

// platform returns the normalised platform of a service, or nothing for the
// host's own.
func (p place) platform(s types.ServiceConfig) string {
	written, at, name := s.Platform, p.in("platform"), ""
	if written == "" {
		written, at, name = p.c.src.env[defaultPlatform], p, defaultPlatform+": "
	}
	if written == "" {
		return ""
	}
	asked, err := platforms.Parse(written)
	if err != nil {
		at.problem("%s%q is not a platform like linux/arm64 or linux/arm/v7", name, written)
		return ""
	}
	asked = platforms.Normalize(asked)
	if asked.OS != "linux" {
		at.problem("%s%s: containers are of Linux here; use a platform like linux/amd64", name, written)
		return ""
	}
	text := platforms.Format(asked)
	if text == platforms.Format(platforms.Normalize(platforms.DefaultSpec())) {
		return ""
	}
	return text
}

// pullPolicy returns when the service's image is pulled. What the schema has no word
// for is refused elsewhere.
func (p place) pullPolicy(s types.ServiceConfig) project.PullPolicy {
	if s.PullRefreshAfter != "" && s.PullPolicy != types.PullPolicyRefresh {
		p.in("pull_refresh_after").problem("it counts with pull_policy: refresh only; set that, or remove it")
		return project.PullPolicy{}
	}
	when, after, err := s.GetPullPolicy()
	if err != nil {
		p.in("pull_policy").problem("%q has no duration like 12h or 2d: %v", s.PullPolicy, err)
		return project.PullPolicy{}
	}
	if s.PullRefreshAfter != "" {
		if after, err = refreshAfter(s.PullRefreshAfter); err != nil {
			p.in("pull_refresh_after").problem("%q is not a duration like 12h or 2d", s.PullRefreshAfter)
		}
		s.PullPolicy += " after " + s.PullRefreshAfter
	}
	out := project.PullPolicy{Written: s.PullPolicy}
	switch {
	case when == types.PullPolicyNever:
		out.When = project.PullNever
	case when == types.PullPolicyBuild:
		out.When = project.PullBuild
	case when == types.PullPolicyAlways || when == types.PullPolicyRefresh && after == 0:
		out.When = project.PullAlways
	case when == types.PullPolicyRefresh:
		out.When, out.After = project.PullAfter, after
	}
	return out
}

// refreshAfter reads a duration as the one in "every_12h" is read.
func refreshAfter(text string) (time.Duration, error) {
	var s types.ServiceConfig
	s.PullPolicy = "every_" + text
	_, after, err := s.GetPullPolicy()
	return after, err
}
