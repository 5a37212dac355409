package planner

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// unknownServices notes the names given by the user, and those in depends_on,
// that mean no service.
func (b *builder) unknownServices(ps *problems) {
	known := map[string]bool{}
	for _, name := range b.project.Known {
		known[name] = true
	}
	for _, s := range b.project.Services {
		known[s.Name] = true
	}
	for _, name := range b.opt.Selected {
		if !known[name] {
			ps.add(&NoSuchServiceError{name, slices.Sorted(maps.Keys(known))})
		}
	}
	for _, s := range b.project.Services {
		of := project.ID{Kind: project.KindService, Name: s.Name}
		for _, n := range s.Template.Needs {
			if !known[n.Service] && !n.Optional {
				ps.conflict(of, "depends on undefined service %q", n.Service)
			}
			switch n.Condition {
			case "", project.Started, project.Healthy, project.Completed:
			default:
				ps.conflict(of, "depends_on.%s.condition: %s is no condition", n.Service, n.Condition)
			}
		}
	}
}

// missingExternals notes the external networks and volumes that are not there.
func (b *builder) missingExternals(ps *problems) {
	for _, n := range b.project.Networks {
		if _, there := b.network(n.Name); n.External && !there {
			ps.add(&ExternalMissingError{n.ID()})
		}
	}
	for _, v := range b.project.Volumes {
		if v.External && !b.hasVolume(v.Name) {
			ps.add(&ExternalMissingError{v.ID()})
		}
	}
}

func (b *builder) hasVolume(name string) bool {
	return slices.ContainsFunc(b.obs.Volumes, func(v project.Volume) bool { return v.Name == name })
}

// nameConflicts notes container names that are wanted twice or taken.
func (b *builder) nameConflicts(ps *problems, wanted []replica, rest []instance) {
	owner, kept := map[string]project.ID{}, map[string]project.ID{}
	for _, c := range rest {
		kept[c.Spec.Name] = c.target
	}
	for _, r := range stayingFirst(wanted) {
		id, name := r.want.ID(), r.want.Name
		other, taken := owner[name]
		if !taken && r.creates() {
			other, taken = kept[name]
		}
		if taken {
			ps.conflict(id, "the container name %q is taken by %s; set another container_name", name, other)
		}
		owner[name] = id
		if holder, taken := b.obs.Names[name]; taken && r.creates() {
			ps.conflict(id, "the container name %q is taken by a container of project %q; remove that container or set another container_name", name, holder)
		}
	}
}

// portConflicts notes the fixed host ports that two services want or that
// something else holds: the replicas of one can have one together. Rest are the containers that keep running beside the
// wanted ones.
func (b *builder) portConflicts(ps *problems, wanted []replica, rest []instance) {
	held := map[portKey][]heldPort{}
	for _, c := range rest {
		if !c.Running() {
			continue
		}
		for _, p := range c.Spec.Ports {
			held[keyOf(p)] = append(held[keyOf(p)], heldPort{p, c.target, c.Spec.Service, true})
		}
	}
	for _, r := range stayingFirst(wanted) {
		id := r.want.ID()
		for _, p := range r.want.Ports {
			if !p.Fixed() {
				continue
			}
			for _, h := range held[keyOf(p)] {
				switch {
				case !p.Overlaps(h.port) || h.kept && !b.begins(r):
				case h.by == id:
					ps.conflict(id, "host port %s is published twice; remove one of the two", hostPort(p))
				case h.service == r.want.Service: // what comes is spread over them
				case h.kept:
					ps.conflict(id, "host port %s is held by %s, which stays; stop that (--remove-orphans if it is one) or publish another host port", hostPort(p), h.by)
				default:
					ps.conflict(id, "host port %s is wanted by %s too; publish another host port", hostPort(p), h.by)
				}
			}
			held[keyOf(p)] = append(held[keyOf(p)], heldPort{p, id, r.want.Service, false})
		}
		if b.begins(r) {
			b.takenPorts(ps, id, r.want.Ports)
		}
	}
}

// begins tells whether the plan starts the replica's container.
func (b *builder) begins(r replica) bool { return r.starts() && !b.opt.NoStart }

// takenPorts notes those of list that something outside the project holds.
func (b *builder) takenPorts(ps *problems, id project.ID, list []project.Port) {
	for _, p := range list {
		for _, t := range b.obs.Ports {
			switch {
			case p.Overlaps(t.Port):
				ps.conflict(id, "host port %s is taken by %s; stop that or publish another host port", hostPort(p), t.Holder)
			case p.PublishedEnd != 0 && p == t.Port:
				ps.conflict(id, "all host ports of %s are taken, the first by %s; publish a longer range, or another one", hostPort(p), t.Holder)
			}
		}
	}
}

type portKey struct {
	port     uint16
	protocol string
}

type heldPort struct {
	port    project.Port
	by      project.ID
	service string
	kept    bool // by a container that is not among the wanted
}

func keyOf(p project.Port) portKey {
	return portKey{p.Published, cmp.Or(p.Protocol, "tcp")}
}

// hostPort writes the host's side of p: "127.0.0.1:8080/tcp", "8080-8090/udp".
func hostPort(p project.Port) string {
	number := fmt.Sprint(p.Published)
	if p.PublishedEnd != 0 {
		number += fmt.Sprintf("-%d", p.PublishedEnd)
	}
	number += "/" + keyOf(p).protocol
	switch {
	case p.HostIP == "":
		return number
	case strings.Contains(p.HostIP, ":"):
		return "[" + p.HostIP + "]:" + number
	default:
		return p.HostIP + ":" + number
	}
}
