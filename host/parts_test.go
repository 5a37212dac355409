package host

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/containerd/images"
)

func layers(names string) []string {
	var out []string
	for _, n := range strings.Fields(names) {
		out = append(out, images.LayerPart(n))
	}
	return out
}

func named(parts images.Parts) string {
	var out []string
	for part := range maps.Keys(parts) {
		out = append(out, strings.TrimPrefix(part, "layer "))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestWhatIsStoredIsStoredForSomebodyOnce(t *testing.T) {
	all := images.Stored{Parts: images.Parts{}, Below: map[string]string{}}
	for i, part := range append(layers("base app web-1 old-base old old-1 built cached going stale view"),
		"sha256:app", "sha256:built", "sha256:cached", "sha256:half", "sha256:lost", "fetch layer") {
		all.Parts[part] = 1 << i
	}
	for _, pair := range [][2]string{
		{"app", "base"}, {"web-1", "app"}, {"old", "old-base"}, {"old-1", "old"}, {"built", "base"}, {"cached", "base"}, {"going", "cached"},
		{"view", "old-base"},
	} {
		all.Below[images.LayerPart(pair[0])] = images.LayerPart(pair[1])
	}
	flat, ours := map[string]string{"containerd.io/gc.flat": "x"}, map[string]string{"lock": "held"}
	all.Leases = []images.Lease{
		{ID: "c", Labels: flat, Parts: append(layers("cached"), "sha256:cached", "sha256:built")},
		{ID: "d-variants", Labels: flat, Parts: layers("going")},
		{ID: "t", Labels: map[string]string{"buildkit/lease.temporary": "x"}, Parts: layers("going")},
		{ID: "b", Labels: ours, Parts: []string{"fetch layer", "sha256:not-there-any-more"}},
		{ID: "k", Labels: map[string]string{"lock": "free"}, Parts: append(layers("stale"), "sha256:half", "sha256:app")},
	}
	s, err := share(all, claims{
		images: []images.Parts{
			{images.LayerPart("base"): 1, images.LayerPart("app"): 2, "sha256:app": 3},
			{images.LayerPart("base"): 1, images.LayerPart("built"): 2, "sha256:built": 3},
		},
		containers: []string{"web-1", "old-1", "view"},
		killed:     func(l images.Lease) (bool, error) { return l.Labels["lock"] == "free", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ got, want string }{
		"bases": {named(s.Bases), "old old-base"},
		"build": {named(s.Build), "cached going sha256:cached"},
		"busy":  {named(s.Busy), "fetch layer"},
		"left":  {named(s.Left), "sha256:half sha256:lost stale"},
		"held of images": {strings.Join(slices.DeleteFunc(strings.Fields("base app built sha256:app sha256:built"), func(part string) bool {
			return !s.Held[part] && !s.Held[images.LayerPart(part)]
		}), " "), "base app sha256:built"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", what, c.got, c.want)
		}
	}
	if s.Build.Sum() != all.Parts[images.LayerPart("cached")]+all.Parts[images.LayerPart("going")]+all.Parts["sha256:cached"] {
		t.Errorf("the build cache takes %d", s.Build.Sum())
	}
	if c := s.Cached; len(c) != 2 || c[0].ID != "c" || !c[0].Shared || c[0].Active || named(c[0].Parts) != "cached sha256:built sha256:cached" ||
		c[1].ID != "d" || c[1].Shared || !c[1].Active || named(c[1].Parts) != "going" {
		t.Errorf("%+v", c)
	}
	broken := errors.New("broken")
	if _, err := share(all, claims{killed: func(images.Lease) (bool, error) { return false, broken }}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
