package containerd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/defaults"
	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ID asks containerd what it calls itself. It keeps that name as long as it has its
// root.
func (c *Client) ID(ctx context.Context) (string, error) {
	s, err := c.raw.IntrospectionService().Server(ctx)
	if err != nil {
		return "", fmt.Errorf("asking containerd for its name: %w", err)
	}
	return s.UUID, nil
}

// RemoveSteps ends and removes the containers that a killed buildkitd has left: the
// steps of its builds, which run below the cgroup. They have no record of ours, and
// are no containers to anybody else.
func (c *Client) RemoveSteps(ctx context.Context, cgroup string) error {
	all, err := c.raw.ContainerService().List(ctx)
	if err != nil {
		return fmt.Errorf("listing containers: %w", err)
	}
	var failed []error
	for _, r := range all {
		if _, err := containerOf(r); errors.Is(err, errNoRecord) && isStep(r, cgroup) {
			failed = append(failed, c.removeStep(ctx, r.ID))
		}
	}
	return errors.Join(failed...)
}

func isStep(r containers.Container, cgroup string) bool {
	var spec specs.Spec
	if r.Spec == nil || json.Unmarshal(r.Spec.GetValue(), &spec) != nil || spec.Linux == nil {
		return false
	}
	return strings.HasPrefix(spec.Linux.CgroupsPath, cgroup+"/")
}

func (c *Client) removeStep(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, killTime, errUnkillable)
	defer cancel()
	step, err := c.raw.LoadContainer(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("removing what is left of a build: %w", err)
	}
	task, err := step.Task(ctx, nil)
	if err == nil {
		_, err = task.Delete(ctx, containerd.WithProcessKill)
	}
	if err == nil || errdefs.IsNotFound(err) {
		err = step.Delete(ctx)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("removing what is left of a build, %s: %w", id, cmp.Or(context.Cause(ctx), err))
	}
	if err := c.forgetInRunc(ctx, id); err != nil {
		return err
	}
	return removeFIFOs(id)
}

// forgetInRunc is for what was killed while runc made it.
func (c *Client) forgetInRunc(ctx context.Context, id string) error {
	dir := filepath.Join(cmp.Or(c.cfg.RuncRoot, defaultRuncRoot), c.cfg.Namespace, id)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return c.deleteInRunc(ctx, id, "")
}

// removeFIFOs removes those that the process which has made the container made for
// its output, where containerd's client makes them.
func removeFIFOs(id string) error {
	found, err := filepath.Glob(filepath.Join(defaults.DefaultFIFODir, "*", id+"-std*"))
	for _, fifo := range found {
		err = errors.Join(err, os.RemoveAll(filepath.Dir(fifo)))
	}
	return err
}
