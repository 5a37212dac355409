package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/remote"
)

// loose is what goes with a prune of the system that is of no project, and that no plan
// is needed for: nobody wants it.
type loose struct {
	cache  []buildkit.CacheRecord
	copies []remote.Kept
	use    host.Usage // what there is
	left   int64      // the size of what killed commands have left
	stays  error      // why the build cache does
}

func (l loose) empty() bool { return len(l.cache)+len(l.copies) == 0 && l.left == 0 }

// loose decides what goes of that. None of it has labels, and leftovers no time.
func (a *app) loose(ctx context.Context, h *host.Host, p pruner, all found) (l loose, err error) {
	if l.use, err = h.Usage(ctx); err != nil {
		return l, err
	}
	copies, err := a.copies(ctx, all.containers, all.volumes)
	if err != nil {
		return l, err
	}
	l.copies = p.unusedCopies(copies, time.Now())
	if len(p.filter) == 0 {
		l.left = l.use.Left.Sum()
	}
	cache, err := p.cachePruner(time.Now())
	if cache == nil || len(l.use.Cached) == 0 || err != nil {
		return l, err
	}
	records, err := h.BuildCache(ctx)
	if errors.Is(err, host.ErrNoBuilder) {
		l.stays = err
		return l, nil
	}
	l.cache = cache.decide(records)
	return l, err
}

// cachePruner decides about the build cache; nil: it stays.
func (p pruner) cachePruner(now time.Time) (*cachePruner, error) {
	if slices.ContainsFunc(p.filter, func(text string) bool { return !strings.HasPrefix(text, "until=") }) {
		return nil, nil
	}
	c, err := newCachePruner(builderPruneFlags{all: p.all, filter: p.filter}, now)
	return &c, err
}

func (a *app) nameLoose(l loose) {
	if l.stays != nil {
		a.warn(fmt.Sprintf("the build cache stays: %v", l.stays))
	}
	if len(l.cache) > 0 {
		a.nameCache(l.cache, false)
	}
	if len(l.copies) > 0 {
		fmt.Fprintf(a.Err, "Going to remove copies of Compose files from elsewhere %s\n", strings.Join(copyNames(l.copies), ", "))
	}
	if l.left > 0 {
		fmt.Fprintf(a.Err, "Going to remove %s that killed commands have left\n", sizeText(l.left))
	}
}

// pruneLoose takes it away, and leaves out of it what copies stay all the same.
func (a *app) pruneLoose(ctx context.Context, h *host.Host, l *loose) (err error) {
	if err := h.ForgetSignatures(ctx); err != nil {
		return err
	}
	if len(l.cache) > 0 {
		gone, err := h.PruneBuildCache(ctx, cachePruner{}.prune(l.cache))
		a.writeCacheGone(gone)
		if err != nil {
			return err
		}
	}
	if l.copies, err = a.removeCopies(l.copies); err != nil {
		return err
	}
	if l.left > 0 {
		return h.Collect(ctx)
	}
	return nil
}
