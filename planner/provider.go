package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// ProvidersUp plans to bring the providers of p up, each after those it needs. It is
// carried out before Up is asked: what is provided is part of what is wanted.
func ProvidersUp(p *project.Project) *Plan {
	b := newBuilder(p, Observed{}, Options{})
	for _, name := range providerOrder(p.Providers) {
		provider := provider(p.Providers, name)
		var needs []StepID
		for _, n := range provider.Needs {
			needs = append(needs, stepID(VerbUp, project.Provider{Name: n}.ID()))
		}
		b.add(RunProvider{provider, project.ProviderUp}, needs, whyProvided(p, name))
	}
	return &Plan{Project: p.Name, Steps: b.steps}
}

// ProvidersShown is ProvidersUp for who only shows what would be done: it says what
// is not known.
func ProvidersShown(p *project.Project) *Plan {
	plan := ProvidersUp(p)
	var of []project.ID
	var services []string
	for _, provider := range p.Providers {
		of = append(of, provider.ID())
	}
	for _, s := range p.Services {
		if slices.ContainsFunc(s.Providers, func(n string) bool { return named(p.Providers, n) >= 0 }) {
			services = append(services, s.Name)
		}
	}
	if len(services) > 0 {
		plan.Notices = []Notice{{fmt.Sprintf("what is provided is known only when it has been: "+
			"containers of %s are compared with what was provided last", strings.Join(services, ", ")), of}}
	}
	return plan
}

// Provided returns p with the variables that providers have given, by provider.
// Of those that have not been run, what the service's container has of them stays.
func Provided(p *project.Project, obs Observed, given map[string]map[string]string) *project.Project {
	out := *p
	out.Services = slices.Clone(p.Services)
	for i, s := range out.Services {
		for _, name := range s.Providers {
			if _, run := given[name]; !run {
				s = s.WithVariables(lastProvided(s.Name, obs))
				break
			}
		}
		for _, name := range s.Providers {
			s = s.WithVariables(given[name])
		}
		out.Services[i] = s
	}
	return &out
}

// lastProvided returns the variables that were provided for a service's container.
func lastProvided(service string, obs Observed) map[string]string {
	vars := map[string]string{}
	for _, c := range obs.Containers {
		if c.Spec.Service != service || len(c.Spec.Provided) == 0 {
			continue
		}
		for _, name := range c.Spec.Provided {
			vars[name] = c.Spec.Env[name]
		}
		break
	}
	return vars
}

// providers plans to take those down that are meant, each when what needs it has
// gone.
func (d *down) providers() {
	order := providerOrder(d.project.Providers)
	slices.Reverse(order)
	for _, name := range order {
		if len(d.opt.Selected) > 0 && !slices.Contains(d.opt.Selected, name) {
			continue
		}
		var needs []StepID
		for _, c := range d.gone {
			if slices.ContainsFunc(c.Spec.Needs, func(n project.Need) bool { return n.Service == name }) {
				needs = append(needs, stepID(VerbRemove, c.target))
			}
		}
		for _, other := range d.project.Providers {
			if slices.Contains(other.Needs, name) {
				needs = append(needs, d.planned(VerbDown, other.ID())...)
			}
		}
		op := RunProvider{provider(d.project.Providers, name), project.ProviderDown}
		d.add(op, needs, because(Requested))
	}
	if len(order) == 0 && slices.ContainsFunc(d.gone, func(c instance) bool { return len(c.Spec.Provided) > 0 }) {
		d.notice("containers that go had variables of providers, which only their Compose file names: take those down with that file, " +
			"or with their own programs")
	}
}

// providerOrder returns the names of providers, each after those it needs.
func providerOrder(list []project.Provider) []string {
	needs := map[string][]string{}
	for _, p := range list {
		needs[p.Name] = p.Needs
	}
	g, _ := newGraph(needs)
	return g.order
}

func named(list []project.Provider, name string) int {
	return slices.IndexFunc(list, func(p project.Provider) bool { return p.Name == name })
}

func provider(list []project.Provider, name string) project.Provider { return list[named(list, name)] }

// whyProvided is that others need it, or that the user named it.
func whyProvided(p *project.Project, name string) []Reason {
	var why []Reason
	for _, other := range p.Providers {
		if slices.Contains(other.Needs, name) {
			why = append(why, Reason{Cause: Needed, Of: other.ID()})
		}
	}
	for _, s := range p.Services {
		if slices.Contains(s.Providers, name) {
			why = append(why, neededBy(s.Name))
		}
	}
	if len(why) == 0 {
		return because(Requested)
	}
	return why
}
