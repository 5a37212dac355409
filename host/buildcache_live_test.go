//go:build live

package host

import (
	"strings"
	"testing"

	"github.com/gocompose/gocompose/buildkit"
)

// What a build leaves is told of once: what of it is in the image is the image's, and the
// rest goes with the build cache. Rebuilt, the image before leaves nothing.
func TestTheBuildCacheIsToldOfOnceAndGoes(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	if all, err := h.BuildCache(ctx); err != nil || len(all) > 0 {
		t.Fatal(all, err)
	}
	if pid, err := builder(h.cfg).Pid(); err != nil || pid != 0 {
		t.Errorf("buildkitd runs to look at no cache: %d, %v", pid, err)
	}
	const ref = "docker.io/library/shop:1"
	for _, text := range []string{"one", "two"} {
		if said, err := build(ctx, t, h, ref, box+"RUN dd if=/dev/urandom of=/"+text+" bs=1M count=3\n", nil); err != nil {
			t.Fatal(err, said)
		}
	}
	use, err := h.Usage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	within(t, h, use)
	if len(use.Images) != 1 || use.Images[0].Ref != ref {
		t.Errorf("there are the images %v", use.Images)
	}
	// The first image's own layer is in the cache, packed and unpacked.
	if build := use.Build.Sum(); build < 6<<20 {
		t.Errorf("the build cache takes %d: %v", build, use.Build)
	}
	records, err := h.BuildCache(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(records) == 0 || len(use.Cached) == 0 {
		t.Fatalf("%d records, %d leases of records", len(records), len(use.Cached))
	}
	shared, of := 0, 0
	for _, r := range records {
		if r.Shared {
			shared++
		}
		if strings.Contains(r.Description, "of=/one") {
			of++
		}
	}
	if shared == 0 || of != 1 {
		t.Errorf("%d records are shared with the image, %d are of the first build's last step: %+v", shared, of, records)
	}
	gone, err := h.PruneBuildCache(ctx, buildkit.Prune{All: true, Filters: []string{"id==none", "id==" + records[0].ID}})
	if err != nil || len(gone) > 1 {
		t.Errorf("%v went, and not %s alone: %v", gone, records[0].ID, err)
	}
	if _, err = h.PruneBuildCache(ctx, buildkit.Prune{All: true}); err != nil {
		t.Fatal(err)
	}
	after, err := h.Usage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	within(t, h, after)
	if len(after.Build)+len(after.Left) > 0 {
		t.Errorf("of the build cache is left %v, %v", after.Build, after.Left)
	}
	if after.Images[0].Parts.Sum() != use.Images[0].Parts.Sum() {
		t.Errorf("the image took %d and takes %d", use.Images[0].Parts.Sum(), after.Images[0].Parts.Sum())
	}
}
