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
)

// loose is what goes with a prune of the system that is of no project, and that no plan
// is needed for: nobody wants it.
type loose struct {
	cache []buildkit.CacheRecord
	left  int64 // the size of what killed commands have left
	stays error // why the build cache does
}

func (l loose) empty() bool { return len(l.cache) == 0 && l.left == 0 }

// loose decides what goes of that. Neither has labels, and leftovers no time.
func (p pruner) loose(ctx context.Context, h *host.Host, use host.Usage) (l loose, err error) {
	if len(p.filter) == 0 {
		l.left = use.Left.Sum()
	}
	cache, err := p.cachePruner(time.Now())
	if cache == nil || len(use.Cached) == 0 || err != nil {
		return l, err
	}
	all, err := h.BuildCache(ctx)
	if errors.Is(err, host.ErrNoBuilder) {
		l.stays = err
		return l, nil
	}
	l.cache = cache.decide(all)
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
	if l.left > 0 {
		fmt.Fprintf(a.Err, "Going to remove %s that killed commands have left\n", sizeText(l.left))
	}
}

// pruneLoose takes it away.
func (a *app) pruneLoose(ctx context.Context, h *host.Host, l loose) error {
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
	if l.left > 0 {
		return h.Collect(ctx)
	}
	return nil
}
