package host

import (
	"context"
	"slices"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/buildkit/daemon"
)

// ErrNoBuilder: the programs are not found that images are built by.
var ErrNoBuilder = daemon.ErrMissing

// BuildCache returns the records of the build cache, by when they were used last. Where
// there are none no buildkitd is started for it.
func (h *Host) BuildCache(ctx context.Context) ([]buildkit.CacheRecord, error) {
	parts, err := h.images.Parts(ctx)
	if err != nil {
		return nil, err
	}
	use, err := h.shares(ctx, parts)
	if err != nil || len(use.Cached) == 0 {
		return nil, err
	}
	builder, err := h.Builder(ctx)
	if err != nil {
		return nil, err
	}
	records, err := builder.DiskUsage(ctx)
	markShared(records, use.Cached)
	slices.SortStableFunc(records, func(x, y buildkit.CacheRecord) int { return x.LastUsedAt.Compare(y.LastUsedAt) })
	return records, err
}

// markShared says of records that images or containers have some of their parts:
// BuildKit knows nothing of those.
func markShared(records []buildkit.CacheRecord, cached []CacheUse) {
	for i, r := range records {
		records[i].Shared = r.Shared || slices.ContainsFunc(cached, func(c CacheUse) bool { return c.ID == r.ID && c.Shared })
	}
}

// PruneBuildCache takes records of the build cache away, and returns those that went,
// with all that nobody has any more.
func (h *Host) PruneBuildCache(ctx context.Context, what buildkit.Prune) ([]buildkit.CacheRecord, error) {
	builder, err := h.Builder(ctx)
	if err != nil {
		return nil, err
	}
	gone, err := builder.Prune(ctx, what)
	if err != nil {
		return gone, err
	}
	return gone, h.containerd.EndLease(ctx, "")
}
