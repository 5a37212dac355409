package host

import (
	"maps"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/containerd/images"
)

// Shares say for whom the parts are stored that are none of an image here. Each part is
// in one of them at most.
type Shares struct {
	// Bases are the layers below containers whose image has no name any more.
	Bases images.Parts
	// Build is what is kept for builds to come alone, by the records of Cached, and Busy
	// what commands that go on are fetching or making.
	Build, Busy images.Parts
	Cached      []CacheUse
	// Left is what nobody has: killed commands have left it, or it is about to be
	// collected.
	Left images.Parts
	// Held are the parts, of images too, that containers, builds and commands have: they
	// stay when the image goes.
	Held map[string]bool
}

// CacheUse is a record of the build cache.
type CacheUse struct {
	ID string
	// Parts are its own, and Shared tells that an image or a container has some of them.
	Parts  images.Parts
	Shared bool
	// Active: a build that goes on has it.
	Active bool
}

// claims say who has what of all that is stored.
type claims struct {
	images []images.Parts
	// containers are the names of their snapshots: of their own files, and of the
	// images that they mount.
	containers []string
	// killed tells of a lease whether its command was.
	killed func(images.Lease) (bool, error)
}

// share says for whom all is stored.
func share(all images.Stored, c claims) (Shares, error) {
	rest := maps.Clone(all.Parts)
	s := Shares{Held: map[string]bool{}}
	take := func(parts []string) images.Parts {
		out := images.Parts{}
		for _, part := range parts {
			for ; part != ""; part = all.Below[part] {
				s.Held[part] = true
				if size, there := rest[part]; there {
					out[part] = size
					delete(rest, part)
				}
			}
		}
		return out
	}
	for _, parts := range c.images {
		for part := range parts {
			delete(rest, part)
		}
	}
	var own []string
	for _, snapshot := range c.containers {
		delete(rest, images.LayerPart(snapshot)) // is counted as the container's
		own = append(own, images.LayerPart(snapshot))
	}
	s.Bases = take(own)
	var build, busy []string
	building := map[string]bool{}
	for _, l := range all.Leases {
		killed, err := c.killed(l)
		switch {
		case err != nil:
			return s, err
		case killed:
		case ofRecord(l), ofBuild(l):
			build = append(build, l.Parts...)
			for _, part := range l.Parts {
				building[part] = building[part] || ofBuild(l)
			}
		default:
			busy = append(busy, l.Parts...)
		}
	}
	s.Cached = cached(all, rest, building)
	s.Build, s.Busy = take(build), take(busy)
	s.Left = rest
	return s, nil
}

// cached are the records of the build cache, sorted by ID; rest is what no image and no
// container has.
func cached(all images.Stored, rest images.Parts, building map[string]bool) []CacheUse {
	var out []CacheUse
	for _, l := range all.Leases {
		id := strings.TrimSuffix(l.ID, "-variants") // of the same layers, compressed otherwise
		if !ofRecord(l) {
			continue
		}
		i := slices.IndexFunc(out, func(c CacheUse) bool { return c.ID == id })
		if i < 0 {
			i = len(out)
			out = append(out, CacheUse{ID: id, Parts: images.Parts{}})
		}
		for _, part := range l.Parts {
			size, there := all.Parts[part]
			if _, alone := rest[part]; there {
				out[i].Parts[part] = size
				out[i].Shared = out[i].Shared || !alone
				out[i].Active = out[i].Active || building[part]
			}
		}
	}
	slices.SortFunc(out, func(x, y CacheUse) int { return strings.Compare(x.ID, y.ID) })
	return out
}

// ofRecord tells whether a lease is that of a record of BuildKit's cache.
func ofRecord(l images.Lease) bool {
	_, flat := l.Labels["containerd.io/gc.flat"]
	return flat && !ofBuild(l)
}

// ofBuild tells whether a lease is that of a build that goes on.
func ofBuild(l images.Lease) bool {
	_, temporary := l.Labels["buildkit/lease.temporary"]
	return temporary
}
