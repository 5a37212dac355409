package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// namePruned names all that is going to be removed.
func (a *app) namePruned(what planner.Pruned) {
	say := func(kind string, names []string) {
		if len(names) > 0 {
			fmt.Fprintf(a.Err, "Going to remove %s %s\n", kind, strings.Join(names, ", "))
		}
	}
	var containers, networks, volumes []string
	for _, c := range what.Containers {
		containers = append(containers, c.Spec.Name)
	}
	for _, n := range what.Networks {
		networks = append(networks, n.Name)
	}
	for _, v := range what.Volumes {
		volumes = append(volumes, v.Name)
	}
	slices.Sort(containers)
	say("containers", containers)
	say("networks", networks)
	say("volumes", volumes)
	say("images", shortImages(what.Images))
}

// identities are of things by their names: what has such a name later may be another
// one.
type identities map[project.ID]string

func (f found) identities() identities {
	out := identities{}
	for _, c := range f.containers {
		out[containerID(c.ID)] = c.ID
	}
	for _, n := range f.networks {
		out[n.Network.ID()] = n.ID
	}
	for _, v := range f.volumes {
		out[v.Volume.Volume.ID()] = v.CreatedAt.String()
	}
	for _, i := range f.images {
		out[project.Image{Ref: i.Ref}.ID()] = i.Target
	}
	return out
}

func containerID(id string) project.ID { return project.ID{Kind: project.KindContainer, Name: id} }

// named are those of what is going to be removed.
func (f found) named(what planner.Pruned) identities {
	all, out := f.identities(), identities{}
	name := func(id project.ID) { out[id] = all[id] }
	for _, c := range what.Containers {
		name(containerID(c.ID))
	}
	for _, n := range what.Networks {
		name(n.ID())
	}
	for _, v := range what.Volumes {
		name(v.ID())
	}
	for _, i := range what.Images {
		name(i.Target())
	}
	return out
}

// goneOf is what of that is not left.
func goneOf(what planner.Pruned, left found) planner.Pruned {
	what.Containers = slices.DeleteFunc(slices.Clone(what.Containers), func(c planner.Container) bool {
		return slices.ContainsFunc(left.containers, func(l host.Info) bool { return l.ID == c.ID })
	})
	what.Networks = slices.DeleteFunc(slices.Clone(what.Networks), func(n project.Network) bool {
		return slices.ContainsFunc(left.networks, func(l host.Network) bool { return l.Name == n.Name })
	})
	what.Volumes = slices.DeleteFunc(slices.Clone(what.Volumes), func(v project.Volume) bool {
		return slices.ContainsFunc(left.volumes, func(l host.Volume) bool { return l.Name == v.Name })
	})
	what.Images = slices.DeleteFunc(slices.Clone(what.Images), func(i planner.RemoveImage) bool {
		return slices.ContainsFunc(left.images, func(l host.Image) bool { return l.Ref == i.Ref })
	})
	return what
}

// writePruned writes what has gone, as docker does.
func (a *app) writePruned(before found, gone planner.Pruned) {
	var refs []string
	for _, i := range gone.Images {
		refs = append(refs, i.Ref)
	}
	list := func(title string, names []string) {
		if len(names) > 0 {
			fmt.Fprintf(a.Out, "Deleted %s:\n%s\n\n", title, strings.Join(names, "\n"))
		}
	}
	var containers, networks, volumes []string
	for _, c := range gone.Containers {
		containers = append(containers, c.ID)
	}
	for _, n := range gone.Networks {
		networks = append(networks, n.Name)
	}
	for _, v := range gone.Volumes {
		volumes = append(volumes, v.Name)
	}
	list("Containers", containers)
	list("Networks", networks)
	list("Volumes", volumes)
	if len(refs) > 0 {
		fmt.Fprintln(a.Out, "Deleted Images:")
		writeGone(a.Out, before.images, refs)
		fmt.Fprintln(a.Out)
	}
}

// reclaimed is what the containers and volumes took that went, and what is not stored
// any more of all that was.
func reclaimed(use host.Usage, gone planner.Pruned, left images.Parts) (n int64) {
	for _, c := range use.Containers {
		if slices.ContainsFunc(gone.Containers, func(g planner.Container) bool { return g.ID == c.ID }) {
			n += c.Written + c.Logs
		}
	}
	for _, v := range use.Volumes {
		if slices.ContainsFunc(gone.Volumes, func(g project.Volume) bool { return g.Name == v.Name }) {
			n += v.Size
		}
	}
	return n + without(use.Parts(), left)
}
