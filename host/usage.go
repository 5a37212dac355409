package host

import (
	"cmp"
	"path"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
)

// CgroupOf returns the cgroup of a container, from the root of each hierarchy.
func CgroupOf(p paths.Paths, id string, spec project.Container) string {
	return path.Join("/", cmp.Or(spec.CgroupParent, p.CgroupParent()), id)
}
