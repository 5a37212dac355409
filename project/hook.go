package project

import "fmt"

// Moment is when in the life of a container its hooks run, by the name of the
// attribute that holds them.
type Moment string

const (
	// BeforeStart: containers of their own run to their end before a service is
	// started.
	BeforeStart Moment = "pre_start"
	// AfterStart and BeforeStop: commands run in the container, after it was
	// started by the user and before it is stopped by the user.
	AfterStart Moment = "post_start"
	BeforeStop Moment = "pre_stop"
)

// Hooks are what runs around the life of a container, in order.
type Hooks struct {
	BeforeStart []PreStart `json:"preStart,omitempty"`
	AfterStart  []Hook     `json:"postStart,omitempty"`
	BeforeStop  []Hook     `json:"preStop,omitempty"`
}

// Hook is a command that runs in a container beside its process, like that one
// where it says nothing else.
type Hook struct {
	Command    []string          `json:"command"`
	User       string            `json:"user,omitempty"`       // as written: name or uid[:gid]
	Privileged bool              `json:"privileged,omitempty"` // with all capabilities
	WorkingDir string            `json:"workingDir,omitempty"`
	Env        map[string]string `json:"env,omitempty"` // over the container's
	UnsetEnv   []string          `json:"unsetEnv,omitempty"`
}

// PreStart is a container that runs to its end before the service's containers
// are started.
type PreStart struct {
	// PerReplica: once before each replica, and not once for all.
	PerReplica bool `json:"perReplica,omitempty"`
	// Container is its whole specification, but for what InitContainers fills in.
	Container Container `json:"container"`
}

// At returns the commands of a moment.
func (h Hooks) At(m Moment) []Hook {
	switch m {
	case AfterStart:
		return h.AfterStart
	case BeforeStop:
		return h.BeforeStop
	default:
		return nil
	}
}

// InitContainers returns the containers that run to their end before replica n
// is started, in order; n 0: those that run once for all replicas. They have no
// names for others, and a Role.
func (c Container) InitContainers(n int) []Container {
	var out []Container
	for i, p := range c.Hooks.BeforeStart {
		if p.PerReplica != (n > 0) {
			continue
		}
		one := p.Container
		one.Project, one.Service, one.Replica, one.Origin = c.Project, c.Service, n, c.Origin
		one.Role = fmt.Sprintf("%s-%d", BeforeStart, i+1)
		one.Name = fmt.Sprintf("%s-%s", c.Project, one.ID().Name)
		out = append(out, one)
	}
	return out
}

// roleID returns the name of a container with a role: "web-pre_start-1", or of
// one for a single replica "web-2-pre_start-1".
func (c Container) roleID() string {
	if c.Replica == 0 {
		return c.Service + "-" + c.Role
	}
	return fmt.Sprintf("%s-%d-%s", c.Service, c.Replica, c.Role)
}
