package loader

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// provider reads a service that a program provides.
func (c *converter) provider(s types.ServiceConfig) project.Provider {
	at := place{c, []string{"services", s.Name}}
	at.checkProvider(s)
	out := project.Provider{
		Project: c.src.name, Name: s.Name, Type: s.Provider.Type,
		Needs: slices.DeleteFunc(slices.Clone(c.providers[s.Name]), c.unselected),
		Env:   c.src.env.Values(),
	}
	slices.Sort(out.Env)
	for name, values := range s.Provider.Options {
		if out.Options == nil {
			out.Options = map[string][]string{}
		}
		if name == "" || strings.ContainsAny(name, "= ") {
			at.in("provider", "options").problem("%q is no name of an option", name)
		}
		out.Options[name] = values
	}
	return out
}

func (p place) checkProvider(s types.ServiceConfig) {
	kind := p.in("provider", "type")
	switch find := p.c.src.options.FindProvider; {
	case s.Provider.Type == "":
		kind.problem("is empty; it names the program, as in `model` for docker-model")
	case s.Provider.Type == "compose":
		kind.problem("compose is not a type of providers: that is the program which runs them")
	case find != nil:
		if _, err := find(s.Provider.Type); err != nil {
			kind.problem("%v", err)
		}
	}
	if _, asked := p.c.src.options.Scale[s.Name]; asked {
		p.in("provider").problem("has no containers, so it cannot be scaled; leave it out of --scale")
	}
	for _, dep := range slices.Sorted(maps.Keys(s.DependsOn)) {
		if on, ok := p.c.model.AllServices()[dep]; ok && on.Provider == nil {
			p.in("depends_on", dep).problem("%sa provider is brought up before any container, so it can depend on other providers only; "+
				"have the services that need both depend on both", notYet)
		}
	}
	for _, key := range without(keysOf(s), "provider", "depends_on", "profiles", "extends") {
		if !strings.HasPrefix(key, "x-") {
			p.in(key).warn("has no effect: the service has a provider, and no container")
		}
	}
}

// keysOf returns the attributes of a service that are given, sorted.
func keysOf(s types.ServiceConfig) []string {
	var tree map[string]any
	if text, err := json.Marshal(s); err != nil || json.Unmarshal(text, &tree) != nil {
		return nil // what is in it has been read from a file
	}
	maps.DeleteFunc(tree, func(_ string, value any) bool { return value == nil })
	return slices.Sorted(maps.Keys(tree))
}

func without(list []string, others ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return slices.Contains(others, s) })
}

func (c *converter) unselected(service string) bool {
	_, selected := c.model.Services[service]
	return !selected
}

// providersOf returns the providers that services depend on, sorted, by service.
func providersOf(model *types.Project) map[string][]string {
	all := model.AllServices()
	out := map[string][]string{}
	for name, s := range model.Services {
		for _, dep := range slices.Sorted(maps.Keys(s.DependsOn)) {
			if all[dep].Provider != nil {
				out[name] = append(out[name], dep)
			}
		}
	}
	return out
}

// refusesProviders finds what would need a container of a service that has none.
func (p place) refusesProviders(s types.ServiceConfig) {
	all := p.c.model.AllServices()
	refuse := func(key, near, service string) {
		if all[service].Provider != nil {
			p.in(key).near(near, "service %s has a provider, and no container to share with; name another, or use depends_on", service)
		}
	}
	for key, mode := range map[string]string{"network_mode": s.NetworkMode, "ipc": s.Ipc, "pid": s.Pid} {
		if service, shares := strings.CutPrefix(mode, project.ModeService); shares {
			refuse(key, "", service)
		}
	}
	for key, list := range map[string][]string{"links": s.Links, "volumes_from": s.VolumesFrom} {
		for _, text := range list {
			service, _, _ := strings.Cut(text, ":")
			refuse(key, text, service)
		}
	}
}
