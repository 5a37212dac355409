package containerd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"golang.org/x/sync/errgroup"

	"github.com/gocompose/gocompose/planner"
)

// Filter selects containers: those of the project, with one of the names, with
// one of the IDs. What is empty does not count; the zero Filter selects all.
type Filter struct {
	Project string
	Names   []string
	IDs     []string
}

// Container is one container that gocompose made.
type Container struct {
	ID        string
	Record    Record
	Labels    map[string]string
	CreatedAt time.Time

	// State is what containerd knows. Without a task that is StateCreated:
	// whether the container ever ran is in its state.json.
	State planner.State
	// HasTask: there is a process, or one that ended and was not cleaned up.
	HasTask bool
	// Pid is the process's on the host; 0 when there is none.
	Pid int
	// ExitCode and ExitedAt are known while State is StateExited.
	ExitCode uint32
	ExitedAt time.Time
}

// Running tells whether the container has a process that was started.
func (c Container) Running() bool {
	return c.State == planner.StateRunning || c.State == planner.StatePaused
}

// Containers returns the containers that the filter selects, sorted by ID.
// Those of the namespace that somebody else made are not among them.
func (c *Client) Containers(ctx context.Context, f Filter) ([]Container, error) {
	var records []containers.Container
	var processes *tasks.ListTasksResponse
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		records, err = c.raw.ContainerService().List(ctx, f.expressions()...)
		return err
	})
	group.Go(func() (err error) {
		processes, err = c.raw.TaskService().List(ctx, &tasks.ListTasksRequest{})
		return errgrpc.ToNative(err)
	})
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	byID := map[string]*task.Process{}
	for _, p := range processes.Tasks {
		byID[cmp.Or(p.ContainerID, p.ID)] = p
	}
	var found []Container
	for _, r := range records {
		one, err := containerOf(r)
		if errors.Is(err, errNoRecord) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing containers: %w", err)
		}
		if p, ok := byID[r.ID]; ok {
			one.add(p)
		}
		found = append(found, one)
	}
	slices.SortFunc(found, func(a, b Container) int { return cmp.Compare(a.ID, b.ID) })
	return found, nil
}

// Container returns one container; the error is NotFound when there is none
// that gocompose made. Unlike Containers it asks about nobody else.
func (c *Client) Container(ctx context.Context, id string) (Container, error) {
	r, err := c.raw.ContainerService().Get(ctx, id)
	if err != nil {
		return Container{}, err
	}
	one, err := containerOf(r)
	if errors.Is(err, errNoRecord) {
		return Container{}, fmt.Errorf("container %s: %w: %w", id, err, errdefs.ErrNotFound)
	}
	if err != nil {
		return Container{}, err
	}
	resp, err := c.raw.TaskService().Get(ctx, &tasks.GetRequest{ContainerID: id})
	switch err := errgrpc.ToNative(err); {
	case errdefs.IsNotFound(err):
	case err != nil:
		return Container{}, err
	default:
		one.add(resp.Process)
	}
	return one, nil
}

func containerOf(r containers.Container) (Container, error) {
	record, err := recordOf(r)
	if err != nil {
		return Container{}, err
	}
	maps.DeleteFunc(r.Labels, func(label, _ string) bool { return strings.HasPrefix(label, viewLabel) })
	return Container{ID: r.ID, Record: record, Labels: r.Labels, CreatedAt: r.CreatedAt, State: planner.StateCreated}, nil
}

// add adds what the container's task says.
func (c *Container) add(p *task.Process) {
	c.HasTask = true
	c.Pid = int(p.Pid)
	switch p.Status {
	case task.Status_RUNNING:
		c.State = planner.StateRunning
	case task.Status_PAUSED, task.Status_PAUSING:
		c.State = planner.StatePaused
	case task.Status_CREATED:
		c.State = planner.StateCreated
	default: // stopped, or its shim does not know
		c.State = planner.StateExited
		c.Pid = 0
		c.ExitCode = p.ExitStatus
		c.ExitedAt = p.ExitedAt.AsTime()
	}
}

// expressions returns the filter in containerd's language: a container is
// selected when one of the expressions holds.
func (f Filter) expressions() []string {
	all := []string{""}
	all = alternatives(all, fmt.Sprintf("labels.%q", labelProject), nonEmpty(f.Project))
	all = alternatives(all, fmt.Sprintf("labels.%q", labelName), f.Names)
	all = alternatives(all, "id", f.IDs)
	if all[0] == "" {
		return nil
	}
	return all
}

// alternatives returns each expression once for every value that field may
// have.
func alternatives(expressions []string, field string, values []string) []string {
	if len(values) == 0 {
		return expressions
	}
	var out []string
	for _, e := range expressions {
		if e != "" {
			e += ","
		}
		for _, v := range values {
			out = append(out, fmt.Sprintf("%s%s==%q", e, field, v))
		}
	}
	return out
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
