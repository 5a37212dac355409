package host

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/ports"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/volumes"
)

// Observe returns what is there of the project called name. What p wants beside
// that is looked up too: its images, the networks and volumes of others that it
// uses, whether its containers' names and host ports are free. p may be nil.
func (h *Host) Observe(ctx context.Context, name string, p *project.Project) (planner.Observed, error) {
	var obs planner.Observed
	if p == nil {
		p = &project.Project{Name: name}
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		return h.observeContainers(gctx, name, &obs)
	})
	group.Go(func() (err error) {
		obs.Networks, err = h.observeNetworks(gctx, p)
		return err
	})
	group.Go(func() (err error) {
		obs.Others, obs.OtherIDs, err = h.observeOthers(gctx, p)
		return err
	})
	group.Go(func() (err error) {
		obs.Volumes, err = h.observeVolumes(p)
		return err
	})
	group.Go(func() error {
		images, err := h.ObserveImages(gctx, p)
		obs.Images, obs.Pulled, obs.Verified = images.Images, images.Pulled, images.Verified
		return err
	})
	if err := group.Wait(); err != nil {
		return obs, err
	}
	var err error
	if obs.Names, err = h.takenNames(ctx, p, obs.Containers); err != nil {
		return obs, err
	}
	obs.Ports, err = h.takenPorts(p)
	return obs, err
}

// observeContainers notes the replicas of the project's services, and the
// containers that are none.
func (h *Host) observeContainers(ctx context.Context, name string, obs *planner.Observed) error {
	found, err := h.containerd.Containers(ctx, containerd.Filter{Project: name})
	if err != nil {
		return err
	}
	for _, c := range found {
		one := h.observed(c, h.state(c))
		if one.CutOff, err = h.cutOff(c); err != nil {
			return err
		}
		left, err := h.leftOver(one)
		switch {
		case err != nil:
			return err
		case left:
			obs.Leftovers = append(obs.Leftovers, one)
		case one.Spec.OneOff():
			obs.OneOffs = append(obs.OneOffs, one)
		default:
			obs.Containers = append(obs.Containers, one)
		}
	}
	return nil
}

// cutOff tells whether the container runs in the network namespace of one that is
// not attached now, or in the IPC namespace of none.
func (h *Host) cutOff(c containerd.Container) (bool, error) {
	if out, err := h.outOfIPC(c); out || err != nil {
		return out, err
	}
	mode := c.Record.Spec.NetworkMode
	if !c.Running() || mode.SharedService() == "" && mode.SharedContainer() == "" {
		return false, nil
	}
	e, err := endpoint.Read(h.cfg.Paths.Endpoints(), c.ID)
	switch {
	case errors.Is(err, endpoint.ErrNotFound), errors.Is(err, endpoint.ErrDamaged):
		return true, nil
	case err != nil || e.Of == networks.HostNamespace:
		return false, err
	}
	_, err = endpoint.Read(h.cfg.Paths.Endpoints(), e.Of)
	if errors.Is(err, endpoint.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// observeOthers looks for the containers that p refers to by their names.
func (h *Host) observeOthers(ctx context.Context, p *project.Project) (map[string]bool, map[string]string, error) {
	var names []string
	for _, s := range p.Services {
		for _, share := range s.Template.Shares() {
			if share.Container != "" {
				names = append(names, share.Container)
			}
		}
		for _, l := range s.Template.Links {
			if l.Container != "" {
				names = append(names, l.Container)
			}
		}
		for _, f := range s.Template.VolumesFrom {
			if f.Container != "" {
				names = append(names, f.Container)
			}
		}
	}
	if len(names) == 0 {
		return nil, nil, nil
	}
	found, err := h.containerd.Containers(ctx, containerd.Filter{Names: names})
	if err != nil {
		return nil, nil, err
	}
	others, ids := map[string]bool{}, map[string]string{}
	for _, c := range found {
		if c.Record.Spec.Role != "" {
			continue
		}
		name := c.Record.Spec.Name
		if _, another := ids[name]; !another || c.Running() {
			ids[name] = c.ID
		}
		others[name] = others[name] || c.Running()
	}
	return others, ids, nil
}

func (h *Host) observeNetworks(ctx context.Context, p *project.Project) ([]project.Network, error) {
	wanted := map[string]bool{project.DefaultBridge: true}
	for _, n := range p.Networks {
		wanted[n.Name] = true
	}
	records, err := h.networks.List(ctx)
	if err != nil {
		return nil, err
	}
	records = slices.DeleteFunc(records, func(r networks.Record) bool {
		return r.Project != p.Name && !wanted[r.Name]
	})
	out := make([]project.Network, len(records))
	for i, r := range records {
		out[i] = r.Network
	}
	return out, nil
}

func (h *Host) observeVolumes(p *project.Project) ([]project.Volume, error) {
	wanted := map[string]bool{}
	for _, v := range p.Volumes {
		wanted[v.Name] = true
	}
	found, err := h.volumes.List()
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(v volumes.Volume) bool {
		return v.Project != p.Name && !wanted[v.Name]
	})
	out := make([]project.Volume, len(found))
	for i, v := range found {
		out[i] = v.Volume
	}
	return out, nil
}

// takenNames looks for other projects' containers with the names of those that
// will have to be made.
func (h *Host) takenNames(ctx context.Context, p *project.Project, have []planner.Container) (map[string]string, error) {
	missing := map[string]bool{}
	for _, s := range p.Services {
		for _, c := range s.Containers() {
			missing[c.Name] = true
		}
	}
	for _, c := range have {
		delete(missing, c.Spec.Name)
	}
	if len(missing) == 0 {
		return nil, nil
	}
	var names []string
	for n := range missing {
		names = append(names, n)
	}
	found, err := h.containerd.Containers(ctx, containerd.Filter{Names: names})
	if err != nil {
		return nil, err
	}
	taken := map[string]string{}
	for _, c := range found {
		if c.Record.Spec.Project != p.Name && (c.Record.Spec.Role == "" || c.Record.Spec.OneOff()) {
			taken[c.Record.Spec.Name] = c.Record.Spec.Project
		}
	}
	return taken, nil
}

// takenPorts tries the host ports that p wants and that no container of p holds;
// of a range, all of them.
func (h *Host) takenPorts(p *project.Project) ([]planner.TakenPort, error) {
	var wanted []project.Port
	for _, s := range p.Services {
		for _, port := range s.Template.Ports {
			if s.Replicas > 0 && port.Published != 0 {
				wanted = append(wanted, port)
			}
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	held, err := endpoint.List(h.cfg.Paths.Endpoints())
	if err != nil {
		return nil, err
	}
	var taken []planner.TakenPort
	for _, port := range wanted {
		holder, err := whoHolds(held, port, p.Name)
		if err != nil {
			return nil, err
		}
		if holder != "" {
			taken = append(taken, planner.TakenPort{Port: port, Holder: holder})
		}
	}
	return taken, nil
}

// whoHolds names what keeps the project from having the port; empty when it
// has it, or when nobody does. For a range that is who holds its first port, if
// all the others are held too.
func whoHolds(held []endpoint.Endpoint, port project.Port, project string) (first string, err error) {
	if port.Fixed() {
		return whoHoldsOne(held, port, project)
	}
	for n := int(port.Published); n <= int(port.PublishedEnd); n++ {
		one := port
		one.Published, one.PublishedEnd = uint16(n), 0
		who, err := whoHoldsOne(held, one, project)
		if who == "" || err != nil {
			return "", err
		}
		first = cmp.Or(first, who)
	}
	return first, nil
}

func whoHoldsOne(held []endpoint.Endpoint, port project.Port, project string) (string, error) {
	e, ok := holder(held, port, project)
	switch {
	case ok && e.Project == project:
		return "", nil
	case ok:
		return "container " + e.Name + " of project " + e.Project, nil
	}
	program, _, err := ports.Holder(port)
	return program, err
}

// holder returns the container that keeps others from having the port: before
// those of the project itself, one of another.
func holder(held []endpoint.Endpoint, want project.Port, project string) (found endpoint.Endpoint, ok bool) {
	for _, e := range held {
		has := slices.ContainsFunc(e.Ports, func(p endpoint.Port) bool {
			return p.Taken().Overlaps(want)
		})
		if has && (!ok || found.Project == project) {
			found, ok = e, true
		}
	}
	return found, ok
}
