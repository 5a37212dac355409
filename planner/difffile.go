package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// files compares secrets and configs, each by its name in the Compose file. What
// is in them is never shown.
func (d *differ) files(have, want []project.File) {
	h, w := filesByField(have), filesByField(want)
	for _, field := range keys(h.places, w.places) {
		if h.places[field] != w.places[field] {
			d.value(field, h.places[field], w.places[field])
		} else if h.digests[field] != w.digests[field] {
			d.reasons = append(d.reasons, Reason{Cause: Changed, Field: field, Content: true})
		}
	}
}

// described are files by the field they come from: "secrets.db_password".
type described struct{ places, digests map[string]string }

func filesByField(files []project.File) described {
	places, digests := map[string][]string{}, map[string][]string{}
	for _, f := range files {
		field := string(f.Kind) + "s." + f.Name
		places[field] = append(places[field], filePlace(f))
		digests[field] = append(digests[field], f.Digest)
	}
	out := described{map[string]string{}, map[string]string{}}
	for field := range places {
		slices.Sort(places[field])
		slices.Sort(digests[field])
		out.places[field] = strings.Join(places[field], ", ")
		out.digests[field] = strings.Join(digests[field], " ")
	}
	return out
}

// filePlace is where a file is in the container, whose it is, and where it is from.
func filePlace(f project.File) string {
	text := fmt.Sprintf("%s uid=%d gid=%d mode=%04o", quoted([]string{f.Target}), f.UID, f.GID, f.Mode)
	if f.Path != "" {
		text += " file=" + quoted([]string{f.Path})
	}
	if f.External != "" {
		text += " external=" + quoted([]string{f.External})
	}
	return text
}
