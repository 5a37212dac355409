package buildkit

import (
	"context"
	"fmt"
	"time"

	"github.com/moby/buildkit/client"
)

// CacheRecord is one thing that buildkitd keeps so that a build need not make it
// again.
type CacheRecord struct {
	ID      string
	Parents []string
	// Type is "regular", "source.local", "source.git.checkout", "exec.cachemount",
	// "frontend" or "internal".
	Type        string
	Description string
	Size        int64 // in bytes, of its own: parents are not in it
	// InUse: a build or an image works with it, it cannot be removed. Shared: an
	// image has it too, removing it frees nothing.
	InUse, Shared, Mutable bool
	CreatedAt              time.Time
	LastUsedAt             time.Time // zero: never
	UsageCount             int
}

// DiskUsage returns what buildkitd keeps, in the order that it tells, or what of it
// all of the filters select: "type==regular", "id==…"
// (https://github.com/containerd/containerd/blob/main/pkg/filters/filter.go).
func (c *Client) DiskUsage(ctx context.Context, filters ...string) ([]CacheRecord, error) {
	found, err := c.client.DiskUsage(alone(ctx), client.WithFilter(filters))
	if err != nil {
		return nil, fmt.Errorf("asking buildkitd for its cache: %w", err)
	}
	all := make([]CacheRecord, len(found))
	for i, u := range found {
		all[i] = cacheRecord(*u)
	}
	return all, nil
}

// Prune says what of the cache goes. Its zero value: all that nothing uses, but for
// what BuildKit itself needs.
type Prune struct {
	All     bool     // also what is internal, and what the front ends are
	Filters []string // only what one of them selects, as for DiskUsage
	// Unused keeps what was used within that time. The others are bytes: so much
	// stays at least, so much stays at most, so much of the disk is to become free;
	// 0: it does not count.
	Unused                     time.Duration
	Reserved, MaxUsed, MinFree int64
}

// Prune removes from the cache, and returns what has gone. What builds or images use
// stays.
func (c *Client) Prune(ctx context.Context, p Prune) ([]CacheRecord, error) {
	options := []client.PruneOption{client.WithFilter(p.Filters), client.WithKeepOpt(p.Unused, p.Reserved, p.MaxUsed, p.MinFree)}
	if p.All {
		options = append(options, client.PruneAll)
	}
	var gone []CacheRecord
	told := make(chan client.UsageInfo)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for u := range told {
			gone = append(gone, cacheRecord(u))
		}
	}()
	err := c.client.Prune(alone(ctx), told, options...)
	close(told)
	<-done
	if err != nil {
		return gone, fmt.Errorf("removing from buildkitd's cache: %w", err)
	}
	return gone, nil
}

func cacheRecord(u client.UsageInfo) CacheRecord {
	r := CacheRecord{
		ID: u.ID, Parents: u.Parents, Type: string(u.RecordType), Description: u.Description, Size: u.Size,
		InUse: u.InUse, Shared: u.Shared, Mutable: u.Mutable, CreatedAt: u.CreatedAt, UsageCount: u.UsageCount,
	}
	if u.LastUsedAt != nil {
		r.LastUsedAt = *u.LastUsedAt
	}
	return r
}
