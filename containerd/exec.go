package containerd

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/project"
)

// RunHook runs a hook in a container, as the container's own process is run but
// for what the hook says, and gives print each line of its output. It takes the
// time it takes; when ctx ends, the program is killed. It returns the exit code,
// as TestResult has it, and why the program could not be run, if it could not.
// The output goes through a FIFO at the path fifo. The container runs, or the
// error is ErrNotRunning or ErrPaused.
func (c *Client) RunHook(ctx context.Context, id, fifo string, h project.Hook, print func(line string)) (TestResult, error) {
	return c.runCommand(ctx, hookID, id, fifo, h, print)
}

// RunWatched is RunHook for what is run because files have changed, beside a hook.
func (c *Client) RunWatched(ctx context.Context, id, fifo string, h project.Hook, print func(line string)) (TestResult, error) {
	return c.runCommand(ctx, watchedID, id, fifo, h, print)
}

func (c *Client) runCommand(ctx context.Context, execID, id, fifo string, h project.Hook, print func(line string)) (TestResult, error) {
	p, err := c.Prober(ctx, id, fifo)
	if err != nil {
		return TestResult{}, err
	}
	p.execID = execID
	if err := p.running(ctx); err != nil {
		return TestResult{}, err
	}
	if p.process, err = c.programProcess(ctx, id, p.process, h); err != nil {
		return TestResult{}, err
	}
	return p.run(ctx, Test{Args: h.Command}, lines(print))
}

// programProcess returns the process that a program is, made from the container's.
func (c *Client) programProcess(ctx context.Context, id string, like specs.Process, h project.Hook) (specs.Process, error) {
	like.Env = over(like.Env, h.Env, h.UnsetEnv)
	if h.WorkingDir != "" {
		like.Cwd = path.Clean(h.WorkingDir)
	}
	var bounding []string
	if like.Capabilities != nil {
		bounding = like.Capabilities.Bounding
	}
	if h.Privileged {
		var err error
		if bounding, err = boundingSet(); err != nil {
			return like, err
		}
		like.NoNewPrivileges, like.ApparmorProfile, like.SelinuxLabel = false, "", ""
	}
	if h.User != "" {
		one, err := c.Container(ctx, id)
		if err != nil {
			return like, err
		}
		user, ok := numericUser(h.User)
		if !ok {
			// The files that the container has now: it may have made the user itself.
			if user, err = lookUpUser(fmt.Sprintf("/proc/%d/root", one.Pid), h.User); err != nil {
				return like, err
			}
		}
		like.User = spec.ProcessUser(user, like.User)
	}
	if h.Privileged || h.User != "" {
		like.Capabilities = spec.CapabilitiesFor(like.User, bounding)
	}
	return like, nil
}

// over lays variables over an environment, and takes others away.
func over(env []string, set map[string]string, unset []string) []string {
	out := slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		_, replaced := set[name]
		return replaced || slices.Contains(unset, name)
	})
	for _, name := range slices.Sorted(maps.Keys(set)) {
		out = append(out, name+"="+set[name])
	}
	return out
}
