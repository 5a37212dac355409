package loader

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// hooks returns what runs around the life of the service's containers, of which t
// is the template.
func (p place) hooks(s types.ServiceConfig, t project.Container) project.Hooks {
	return project.Hooks{
		BeforeStart: p.preStarts(s, t),
		AfterStart:  p.in("post_start").commands(s.PostStart),
		BeforeStop:  p.in("pre_stop").commands(s.PreStop),
	}
}

func (p place) commands(list []types.ServiceHook) []project.Hook {
	var out []project.Hook
	for i, h := range list {
		out = append(out, p.in(index(i)).command(h))
	}
	return out
}

func (p place) command(h types.ServiceHook) project.Hook {
	if len(h.Command) == 0 || h.Command[0] == "" {
		p.problem("has no command")
	}
	if _, ok := h.Environment[""]; ok {
		p.in("environment").problem("a variable has no name")
	}
	env, unset := environment(h.Environment.Resolve(p.c.variable))
	return project.Hook{
		Command: slices.Clone(h.Command), User: h.User, Privileged: h.Privileged,
		WorkingDir: p.workingDir(h.WorkingDir), Env: env, UnsetEnv: unset,
	}
}

// variable is what a variable that is only named takes its value from.
func (c *converter) variable(name string) (string, bool) {
	value, ok := c.src.env[name]
	return value, ok
}

// preStarts returns the containers that run before the service. compose-go has
// filled in what they take over from it, but for the mounts.
func (p place) preStarts(s types.ServiceConfig, t project.Container) []project.PreStart {
	var out []project.PreStart
	single := false // one that is run for each replica has come before
	for i, h := range s.PreStart {
		at := p.in("pre_start", index(i))
		before := len(p.c.found)
		warned := len(p.c.warned)
		c := at.container(types.ServiceConfig{Name: s.Name, ContainerSpec: h.ContainerSpec, WorkloadSpec: types.WorkloadSpec{Build: s.Build}})
		p.c.found = withoutInherited(p.c.found, before, p.path, at.path)
		p.c.warned = withoutInherited(p.c.warned, warned, p.path, at.path)
		c.Mounts = mountsOver(t.Mounts, c.Mounts)
		c.Project, c.Service, c.Origin, c.Needs = "", "", project.Origin{}, nil // the service's
		if single && !h.PerReplica {
			at.problem("what runs once for the service comes before what runs for each replica; put it first, or set per_replica")
		}
		single = single || h.PerReplica
		out = append(out, project.PreStart{PerReplica: h.PerReplica, Container: c})
	}
	return out
}

// mountsOver lays mounts over those of the service, at the same targets in their
// place. The service's anonymous volumes are each replica's own.
func mountsOver(service, own []project.Mount) []project.Mount {
	out := slices.Clone(own)
	for _, m := range service {
		anonymous := m.Type == project.MountVolume && m.Source == ""
		if !anonymous && !slices.ContainsFunc(own, func(o project.Mount) bool { return o.Target == m.Target }) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b project.Mount) int { return cmp.Compare(a.Target, b.Target) })
	return out
}

// withoutInherited drops, of the findings from the given one on, those below
// path that there are below service too: they are of what is taken over.
func withoutInherited(found []finding, from int, service, path []string) []finding {
	known := map[string]bool{}
	for _, f := range found {
		if rest, ok := below(f.path, service); ok {
			known[pathText(rest)+"\n"+f.text] = true
		}
	}
	rest := slices.DeleteFunc(slices.Clone(found[from:]), func(f finding) bool {
		rest, ok := below(f.path, path)
		return ok && known[pathText(rest)+"\n"+f.text]
	})
	return append(found[:from], rest...)
}

func below(at, base []string) (rest []string, ok bool) {
	if len(at) < len(base) || !slices.Equal(at[:len(base)], base) {
		return nil, false
	}
	return at[len(base):], true
}

// annotations are those of the OCI specification. With some containerd is told
// what to do with a container, as by Kubernetes.
func (p place) annotations(all types.Mapping) map[string]string {
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(key, "io.containerd.") || strings.HasPrefix(key, "io.kubernetes.cri.") {
			p.in(key).problem("it would tell containerd what to do with the container; remove it")
		}
	}
	if _, ok := all[""]; ok {
		p.problem("an annotation has no name")
	}
	return labels(types.Labels(all))
}
