package loader

import (
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// volumesFrom returns whose mounts a service takes over: "data", "data:ro",
// "container:shop-data-1:ro".
func (p place) volumesFrom(s types.ServiceConfig) []project.VolumesFrom {
	var out []project.VolumesFrom
	for i, text := range s.VolumesFrom {
		at := p.in("volumes_from", index(i))
		var f project.VolumesFrom
		rest, container := strings.CutPrefix(text, project.ModeContainer)
		name, mode, moded := strings.Cut(rest, ":")
		f.ReadOnly = mode == "ro"
		switch {
		case moded && mode != "ro" && mode != "rw":
			at.near(text, "%q is neither ro nor rw", mode)
		case !resourceName().MatchString(name):
			at.near(text, "%q is not one of SERVICE, SERVICE:ro, container:NAME, container:NAME:ro", text)
		case container:
			f.Container = name
			out = append(out, f)
		default:
			f.Service = name
			out = append(out, f)
		}
	}
	return out
}
