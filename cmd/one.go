package cmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/gocompose/gocompose/host"
)

// one says which container of a service a command is about.
type one struct {
	service string
	// index is its number; 0: the lowest. What runs goes before what does not, and
	// a replica before a container of `run`.
	index int
	// stopped: one that does not run will do.
	stopped bool
}

// withOne runs do with the container that which means.
func (a *app) withOne(ctx context.Context, which one, do func(context.Context, *host.Host, host.Info) error) error {
	if which.index < 0 {
		return usage("--index is %d: the number of a container, from 1", which.index)
	}
	return a.withService(ctx, which.service, func(ctx context.Context, h *host.Host, infos []host.Info) error {
		info, err := which.of(infos)
		if err != nil {
			return err
		}
		return do(ctx, h, info)
	})
}

// withService runs do with the containers of the project, in which the service is
// known. Where no engine ever ran there are none, and no host.
func (a *app) withService(ctx context.Context, service string, do func(context.Context, *host.Host, []host.Info) error) error {
	name, p, err := a.wanted(ctx, change{fileless: true, load: existing})
	if err != nil {
		return err
	}
	h, infos, err := a.openContainers(ctx, name)
	if err != nil {
		return err
	}
	defer h.Close()
	if err := knownServices(p, infos, []string{service}); err != nil {
		return err
	}
	return do(ctx, h, infos)
}

// of returns the one of the containers that is meant.
func (w one) of(infos []host.Info) (host.Info, error) {
	var found []host.Info
	for _, i := range infos {
		if i.Spec.Service == w.service && (w.index == 0 || i.Spec.Replica == w.index && !i.Spec.OneOff()) {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return host.Info{}, w.none()
	}
	slices.SortStableFunc(found, func(x, y host.Info) int {
		return cmp.Or(last(!x.Running(), !y.Running()), last(x.Spec.OneOff(), y.Spec.OneOff()), cmp.Compare(x.Spec.Replica, y.Spec.Replica))
	})
	if i := found[0]; i.Running() || w.stopped {
		return i, nil
	}
	if w.index > 0 {
		return host.Info{}, fmt.Errorf("container %d of service %q is not running: `gocompose start %s` starts it", w.index, w.service, w.service)
	}
	return host.Info{}, fmt.Errorf("service %q is not running: `gocompose start %s` starts it", w.service, w.service)
}

// none is the error when there is no such container. That the service does not run
// is what scripts look for.
func (w one) none() error {
	if w.stopped || w.index > 0 {
		return errNoContainer(w.service, w.index)
	}
	return fmt.Errorf("service %q is not running: it has no container, and `gocompose up` makes one", w.service)
}

// last sorts what is so behind what is not.
func last(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}

// replicas leaves out the containers of `run`.
func replicas(infos []host.Info) []host.Info {
	return slices.DeleteFunc(infos, func(i host.Info) bool { return i.Spec.OneOff() })
}
