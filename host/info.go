package host

import (
	"context"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/planner"
)

// Info is what people want to know about a container.
type Info struct {
	planner.Container
	Name    string
	Labels  map[string]string
	Command []string // the process's arguments
	Ports   []endpoint.Port
	Dir     string // the folder of its logs

	CreatedAt time.Time
	StartedAt time.Time // zero: never
	ExitedAt  time.Time // zero: has not, since StartedAt
	ExitCode  int
}

// Containers returns what is known of the project's containers, sorted by ID.
func (h *Host) Containers(ctx context.Context, project string) ([]Info, error) {
	found, err := h.containerd.Containers(ctx, containerd.Filter{Project: project})
	if err != nil {
		return nil, err
	}
	endpoints, err := endpoint.List(h.cfg.Paths.Endpoints())
	if err != nil {
		return nil, err
	}
	published := map[string][]endpoint.Port{}
	for _, e := range endpoints {
		published[e.ID] = e.Ports
	}
	infos := make([]Info, len(found))
	for i, c := range found {
		l, err := h.state(c)
		if err != nil {
			return nil, err
		}
		infos[i] = Info{
			Container: observed(c, l),
			Name:      c.Record.Spec.Name,
			Labels:    c.Labels,
			Command:   c.Record.Args,
			Ports:     published[c.ID],
			Dir:       h.cfg.Paths.Container(c.ID),
			CreatedAt: c.CreatedAt,
			StartedAt: l.StartedAt,
			ExitedAt:  l.ExitedAt,
			ExitCode:  l.ExitCode,
		}
	}
	return infos, nil
}

func observed(c containerd.Container, l life) planner.Container {
	return planner.Container{
		ID:          c.ID,
		Spec:        c.Record.Spec,
		State:       l.state,
		ImageDigest: c.Record.ImageDigest,
		Anonymous:   c.Record.Anonymous,
	}
}
