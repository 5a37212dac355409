package planner

import (
	"maps"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// graph is which services need which, without cycles.
type graph struct {
	needs map[string][]string // sorted
	order []string            // each after those it needs
	// optional are the edges that only give order: what is needed may fail.
	optional map[edge]bool
}

// edge leads from a service to one that it needs.
type edge struct{ from, to string }

// required returns the graph without the optional edges.
func (g graph) required() graph {
	if len(g.optional) == 0 {
		return g
	}
	r := graph{needs: make(map[string][]string, len(g.needs)), order: g.order}
	for name, list := range g.needs {
		for _, n := range list {
			if !g.optional[edge{name, n}] {
				r.needs[name] = append(r.needs[name], n)
			}
		}
	}
	return r
}

// newGraph makes a graph. An edge that closes a cycle is left out, and the
// first such cycle is returned beside.
func newGraph(needs map[string][]string) (graph, *CycleError) {
	const visiting, done = 1, 2
	g := graph{needs: make(map[string][]string, len(needs))}
	mark := make(map[string]int, len(needs))
	var cycle *CycleError
	var path []string
	var visit func(name string)
	visit = func(name string) {
		mark[name] = visiting
		path = append(path, name)
		for _, n := range slices.Compact(slices.Sorted(slices.Values(needs[name]))) {
			switch mark[n] {
			case visiting:
				if cycle == nil {
					cycle = &CycleError{append(slices.Clone(path[slices.Index(path, n):]), n)}
				}
				continue
			case 0:
				visit(n)
			}
			g.needs[name] = append(g.needs[name], n)
		}
		path = path[:len(path)-1]
		mark[name] = done
		g.order = append(g.order, name)
	}
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		if mark[name] == 0 {
			visit(name)
		}
	}
	return g, cycle
}

// wantedGraph is the graph of the project's own services.
func wantedGraph(p *project.Project) (graph, *CycleError) {
	return newGraph(wantedNeeds(p))
}

// wholeGraph adds the services that only containers know of, by what their
// containers were made with. Such memories can be stale and contradict each
// other or the files: one that would close a cycle is left out, so that it
// never undoes an order that is wanted.
func wholeGraph(p *project.Project, containers []Container) graph {
	needs := wantedNeeds(p)
	remembered := map[string][]string{}
	for _, c := range containers {
		if _, ours := needs[c.Spec.Service]; ours {
			continue
		}
		list := remembered[c.Spec.Service]
		for _, n := range c.Spec.Needs {
			list = append(list, n.Service)
		}
		remembered[c.Spec.Service] = list
	}
	for _, service := range slices.Sorted(maps.Keys(remembered)) {
		needs[service] = nil // it is a service, even of no needs
		for _, n := range slices.Compact(slices.Sorted(slices.Values(remembered[service]))) {
			if !(graph{needs: needs}).closure([]string{n})[service] {
				needs[service] = append(needs[service], n)
			}
		}
	}
	g, _ := newGraph(needs)
	g.optional = wantedOptional(p)
	return g
}

// wantedOptional returns the edges between the project's own services that are
// optional.
func wantedOptional(p *project.Project) map[edge]bool {
	out := map[edge]bool{}
	for _, s := range p.Services {
		for _, n := range s.Template.Needs {
			if n.Optional {
				out[edge{s.Name, n.Service}] = true
			}
		}
	}
	return out
}

func wantedNeeds(p *project.Project) map[string][]string {
	needs := make(map[string][]string, len(p.Services))
	for _, s := range p.Services {
		list := make([]string, len(s.Template.Needs))
		for i, n := range s.Template.Needs {
			list[i] = n.Service
		}
		needs[s.Name] = list
	}
	return needs
}

// reversed returns who is needed by whom.
func (g graph) reversed() graph {
	r := graph{needs: make(map[string][]string, len(g.needs)), order: slices.Clone(g.order)}
	slices.Reverse(r.order)
	for _, name := range r.order {
		for _, n := range g.needs[name] {
			r.needs[n] = append(r.needs[n], name)
		}
	}
	return r
}

// closure returns names and all that they need, directly or not.
func (g graph) closure(names []string) map[string]bool {
	in := map[string]bool{}
	var add func(string)
	add = func(name string) {
		if in[name] {
			return
		}
		in[name] = true
		for _, n := range g.needs[name] {
			add(n)
		}
	}
	for _, n := range names {
		add(n)
	}
	return in
}

// through maps each service to the steps of those it needs. Where a needed
// service has no steps, those of the services that one needs stand in, so that
// order survives services with nothing to do. The lists are sorted.
func through[T ~string](g graph, steps map[string][]T) map[string][]T {
	out := make(map[string][]T, len(g.order))
	for _, name := range g.order {
		var list []T
		for _, n := range g.needs[name] {
			if own := steps[n]; len(own) > 0 {
				list = append(list, own...)
			} else {
				list = append(list, out[n]...)
			}
		}
		slices.Sort(list)
		out[name] = slices.Compact(list)
	}
	return out
}

// owners maps each service that has steps to itself.
func owners(steps map[string][]StepID) map[string][]string {
	out := make(map[string][]string, len(steps))
	for name, list := range steps {
		if len(list) > 0 {
			out[name] = []string{name}
		}
	}
	return out
}
