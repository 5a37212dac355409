package cmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/remote"
)

// copiesKept is how long a copy of a Compose file from elsewhere stays that nobody asks for.
const copiesKept = 30 * 24 * time.Hour

// copies are those of files from elsewhere that this user has, with those that something of
// is mounted: here, or in a container or a volume that is to be started again.
func (a *app) copies(ctx context.Context, containers []host.Info, volumes []host.Volume) ([]remote.Kept, error) {
	files, err := a.files()
	if err != nil {
		return nil, nil // where nothing can be kept nothing is
	}
	all, err := files.Kept(ctx)
	for i, k := range all {
		in := func(path string) bool { return strings.HasPrefix(path+"/", files.Path(k)+"/") }
		k.Mounted = k.Mounted ||
			slices.ContainsFunc(containers, func(c host.Info) bool {
				return slices.ContainsFunc(c.Spec.Mounts, func(m project.Mount) bool { return in(m.Source) })
			}) ||
			slices.ContainsFunc(volumes, func(v host.Volume) bool { return in(v.Options["device"]) })
		all[i] = k
	}
	return all, err
}

// unusedCopies are those that go. They have no labels.
func (p pruner) unusedCopies(all []remote.Kept, now time.Time) []remote.Kept {
	return slices.DeleteFunc(slices.Clone(all), func(k remote.Kept) bool {
		return k.Mounted || !p.copies.accept(k) || !p.all && now.Sub(k.Used) < copiesKept
	})
}

func newCopyFilters(given, keys []string, now time.Time) (filters[remote.Kept], error) {
	return newFilters(given, keys, func(key, value string) (func(remote.Kept) bool, error) {
		if key != "until" {
			return func(remote.Kept) bool { return false }, nil
		}
		until, err := when(value, now)
		return func(k remote.Kept) bool { return k.Used.Before(until) }, err
	})
}

func copySum(all []remote.Kept) (s sum) {
	for _, k := range all {
		s.add(k.Mounted, k.Size)
	}
	return s
}

// copyNames names copies by the beginnings of their commits and digests.
func copyNames(all []remote.Kept) []string {
	names := make([]string, len(all))
	for i, k := range all {
		kind, id := path.Split(k.Dir)
		id = id[strings.LastIndex(id, "-")+1:]
		names[i] = kind + id[:min(12, len(id))]
	}
	return names
}

// removeCopies takes copies away, and writes and returns which: those that are asked for
// meanwhile stay.
func (a *app) removeCopies(all []remote.Kept) (gone []remote.Kept, err error) {
	if len(all) == 0 {
		return nil, nil
	}
	files, err := a.files()
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		went, rerr := files.Remove(k)
		if went {
			gone = append(gone, k)
		}
		err = errors.Join(err, rerr)
	}
	if len(gone) > 0 {
		fmt.Fprintf(a.Out, "Deleted Copies of Compose Files:\n%s\n\n", strings.Join(copyNames(gone), "\n"))
	}
	return gone, err
}

// pruneCopies is a prune where no engine ever ran.
func (a *app) pruneCopies(ctx context.Context, p pruner) error {
	all, err := a.copies(ctx, nil, nil)
	if err != nil {
		return err
	}
	l := loose{copies: p.unusedCopies(all, time.Now())}
	if l.empty() {
		return a.nothingToPrune()
	}
	a.nameLoose(l)
	if a.globals.dryRun {
		return nil
	}
	if !p.force {
		if yes, err := a.ask(ctx, pruneWarning(p.systemPruneFlags)); !yes || err != nil {
			return err
		}
	}
	if l.copies, err = a.removeCopies(l.copies); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Out, "Total reclaimed space: %s\n", sizeText(copySum(l.copies).size))
	return err
}
