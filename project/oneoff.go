package project

import (
	"cmp"
	"strings"
)

// roleRun begins the role of one-offs.
const roleRun = "run-"

// OneOff tells whether the container is one that `run` makes of a service.
func (c Container) OneOff() bool { return strings.HasPrefix(c.Role, roleRun) }

// Slug is what tells one-offs of a service apart: 12 hexadecimal digits; empty of
// other containers.
func (c Container) Slug() string {
	if !c.OneOff() {
		return ""
	}
	return strings.TrimPrefix(c.Role, roleRun)
}

// AsOneOff returns the service with one container, which is the one-off of that slug:
// it has a name of its own where the template has none, is not started again when it
// ends, and nothing is run before it is started. Addresses that the service's
// containers have for themselves are left to them.
func (s Service) AsOneOff(slug string) Service {
	t := &s.Template
	t.Role = roleRun + slug
	if t.Name == "" {
		t.Name = strings.Join([]string{t.Project, t.Service, "run", slug}, cmp.Or(s.Separator, Separator))
	}
	t.Restart = Restart{}
	t.Hooks.BeforeStart = nil
	s.Replicas, s.Job = 1, false
	return s
}

// TakesVolumes tells whether the container's anonymous volumes go with it: those of
// one that only prepares a start, and of one that is removed when it ends.
func (c Container) TakesVolumes() bool { return c.Temporary || c.Role != "" && !c.OneOff() }
