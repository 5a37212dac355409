package host

import (
	"context"
	"slices"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

// Info is what people want to know about a container.
type Info struct {
	planner.Container
	Name    string
	Labels  map[string]string
	Command []string // the process's arguments
	Ports   []endpoint.Port
	Exposed []string // ports of the service and its image, "80/tcp", sorted
	// Interfaces are its places in networks, while it is attached.
	Interfaces []endpoint.Interface
	Dir        string // the folder of its logs

	CreatedAt time.Time
	StartedAt time.Time // zero: never
	ExitedAt  time.Time // zero: has not, since StartedAt
	ExitCode  int
	Pid       int  // of its first process; 0: it has none
	OOMKilled bool // the kernel has killed a process of the last run for want of memory

	// Restarts counts the starts by the supervisor since the user's; RestartAt
	// is when the next one is due, zero unless it is restarting.
	Restarts  int
	RestartAt time.Time
	// Check is how to tell whether it works, of the service and its image; nil:
	// it is not checked.
	Check *project.Healthcheck
	// Health is nil when there is no health check, or nothing is known of it.
	Health *health.State
}

// Containers returns what is known of the containers of the project called
// name, sorted by ID; of all projects' when it is empty. Those that only prepare
// a start are not among them.
func (h *Host) Containers(ctx context.Context, name string) ([]Info, error) {
	found, err := h.containerd.Containers(ctx, containerd.Filter{Project: name})
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(c containerd.Container) bool {
		return c.Record.Spec.Role != "" && !c.Record.Spec.OneOff()
	})
	endpoints, err := endpoint.List(h.cfg.Paths.Endpoints())
	if err != nil {
		return nil, err
	}
	attached := map[string]endpoint.Endpoint{}
	for _, e := range endpoints {
		attached[e.ID] = e
	}
	progress := h.progress(ctx)
	infos := make([]Info, len(found))
	for i, c := range found {
		l := h.state(c)
		p := progress(c.ID, l.StartedAt)
		infos[i] = Info{
			Container:  h.observed(c, l),
			Name:       c.Record.Spec.Name,
			Labels:     c.Labels,
			Command:    c.Record.Args,
			Ports:      attached[c.ID].Ports,
			Exposed:    c.Record.Ports(),
			Interfaces: attached[c.ID].Interfaces,
			Dir:        h.cfg.Paths.Container(c.ID),
			CreatedAt:  c.CreatedAt,
			StartedAt:  l.StartedAt,
			ExitedAt:   l.ExitedAt,
			ExitCode:   l.ExitCode,
			Pid:        c.Pid,
			OOMKilled:  l.OOMKilled,
			Restarts:   p.restarts,
			RestartAt:  p.restartAt,
			Check:      c.Record.Health,
			Health:     p.health,
		}
	}
	return infos, nil
}
