package watch

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// Due is what is to be done for one service.
type Due struct {
	Service string
	// Changes is how many files have changed.
	Changes int
	// Sync are what is copied into the containers, folders before what is in them.
	// What is not on the host any more is taken away there.
	Sync []Pair
	// Exec runs in the containers after that, in order, each once.
	Exec []project.Hook
	// Restart: the containers are restarted at last.
	Restart bool
	// Rebuild: the image is built anew, and what is made from it takes the place of the
	// containers. Nothing else is done then.
	Rebuild bool
}

// Pair is a path of the host and its place in the container.
type Pair struct {
	From, To string
	// Root: it is the folder of the trigger, which is never taken away.
	Root bool
}

// Batch returns what is to be done when something has happened at the paths, by
// service. Nothing is in it twice.
func (r *Rules) Batch(paths []string) []Due {
	paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	found := map[string]*Due{}
	counted := map[[2]string]bool{}
	for _, one := range r.list {
		for _, at := range paths {
			rel, ok := one.meant(at)
			if !ok {
				continue
			}
			d := found[one.service]
			if d == nil {
				d = &Due{Service: one.service}
				found[one.service] = d
			}
			if key := [2]string{one.service, at}; !counted[key] {
				counted[key] = true
				d.Changes++
			}
			d.add(one, at, rel)
		}
	}
	var out []Due
	for _, d := range found {
		slices.SortFunc(d.Sync, func(x, y Pair) int { return cmp.Or(cmp.Compare(x.To, y.To), cmp.Compare(x.From, y.From)) })
		d.Sync = slices.Compact(d.Sync)
		if d.Rebuild {
			*d = Due{Service: d.Service, Changes: d.Changes, Rebuild: true}
		}
		out = append(out, *d)
	}
	slices.SortFunc(out, func(x, y Due) int { return cmp.Compare(x.Service, y.Service) })
	return out
}

func (d *Due) add(r rule, at, rel string) {
	if r.Syncs() {
		d.Sync = append(d.Sync, Pair{From: at, To: r.target(rel), Root: rel == "." && r.folder})
	}
	if r.Restarts() {
		d.Restart = true
	}
	d.Rebuild = d.Rebuild || r.Action == project.WatchRebuild
	if r.Action == project.WatchSyncExec && !slices.ContainsFunc(d.Exec, func(h project.Hook) bool { return same(h, r.Exec) }) {
		d.Exec = append(d.Exec, r.Exec)
	}
}

// target is where a path, relative to the trigger's, is in the container. A file
// whose target ends in a slash keeps its name.
func (r rule) target(rel string) string {
	if rel == "." && !r.folder && strings.HasSuffix(r.Target, "/") {
		return path.Join(r.Target, path.Base(r.Path))
	}
	return path.Join(r.Target, rel)
}

func same(x, y project.Hook) bool {
	return slices.Equal(x.Command, y.Command) && x.User == y.User && x.WorkingDir == y.WorkingDir && x.Privileged == y.Privileged
}

// Initial returns what is copied when watching begins: of the files that there
// are those whose triggers ask for it and that newer accepts.
func (r *Rules) Initial(paths []string, newer func(service, path string) bool) []Due {
	first := &Rules{}
	for _, one := range r.list {
		if one.InitialSync && one.Syncs() {
			one.Action = project.WatchSync
			first.list = append(first.list, one)
		}
	}
	out := first.Batch(paths)
	for i := range out {
		out[i].Sync = slices.DeleteFunc(out[i].Sync, func(p Pair) bool { return !newer(out[i].Service, p.From) })
		out[i].Changes = len(out[i].Sync)
	}
	return slices.DeleteFunc(out, func(d Due) bool { return len(d.Sync) == 0 })
}
