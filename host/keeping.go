package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// Restart starts a container again that is to be kept running, and counts it.
func (r *runtime) Restart(ctx context.Context, id string, next keep.Record) error {
	return r.locked(ctx, id, func(h *Host) error {
		if err := h.wanted(id, next.Since); err != nil {
			return err
		}
		c, err := h.containerd.Container(ctx, id)
		switch {
		case errdefs.IsNotFound(err):
			return errors.Join(supervisor.ErrUnwanted, h.forget(ctx, id))
		case err != nil:
			return err
		case c.Running():
			return supervisor.ErrUnwanted
		}
		err = h.run(ctx, c)
		if ctx.Err() != nil && err != nil { // cut short
			return err
		}
		return errors.Join(err, h.kept().Write(id, next))
	})
}

// wanted returns ErrUnwanted unless the container is kept since that time.
func (h *Host) wanted(id string, since time.Time) error {
	was, err := h.kept().Read(id)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !was.Since.Equal(since) {
		return supervisor.ErrUnwanted
	}
	return err
}

// GiveUp takes note that a container is not going to be started again.
func (r *runtime) GiveUp(ctx context.Context, id string, since time.Time) error {
	return r.locked(ctx, id, func(h *Host) error {
		err := h.wanted(id, since)
		if errors.Is(err, supervisor.ErrUnwanted) {
			return nil
		}
		if err != nil {
			return err
		}
		c, err := h.containerd.Container(ctx, id)
		if err != nil && !errdefs.IsNotFound(err) || c.Running() {
			return err
		}
		return h.kept().Remove(id)
	})
}

// Stop ends a container's process, unless that is another one by now; that it is
// kept running stays.
func (r *runtime) Stop(ctx context.Context, id string, startedAt time.Time) error {
	return r.locked(ctx, id, func(h *Host) error {
		c, err := h.containerd.Container(ctx, id)
		if errdefs.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		recorded, cancel := context.WithTimeout(ctx, recordTime)
		defer cancel()
		if began := h.settled(recorded, c).StartedAt; !began.IsZero() && !began.Equal(startedAt) {
			return nil
		}
		return h.containerd.StopTask(ctx, id, containerd.StopRequest{Grace: c.Record.Spec.StopGrace})
	})
}

// Release cleans up after a container that has exited, and removes it where it is to
// be removed then. One that runs, because it was started again meanwhile, is left alone.
func (r *runtime) Release(ctx context.Context, id string) error {
	r.forgetProber(id)
	err := r.locked(ctx, id, func(h *Host) error {
		c, err := h.containerd.Container(ctx, id)
		switch {
		case errdefs.IsNotFound(err): // with its lock, which is only there because of us
			return errors.Join(h.leave(ctx, id), h.forget(ctx, id), removeIfThere(h.containerLock(id)))
		case err != nil || c.Running():
			return err
		}
		return errors.Join(h.containerd.DeleteTask(ctx, id), h.leave(ctx, id))
	})
	if err != nil {
		return err
	}
	h, err := r.current(ctx)
	if err != nil {
		return err
	}
	return h.removeTemporary(ctx, id)
}

// locked does something to a container while nobody else does.
func (r *runtime) locked(ctx context.Context, id string, do func(*Host) error) error {
	h, err := r.current(ctx)
	if err != nil {
		return err
	}
	lock, err := h.lockContainer(ctx, id)
	if err != nil {
		return err
	}
	return errors.Join(do(h), lock.Unlock())
}

// shell runs the commands of tests. Of images that name another one, it is in
// the test.
func shell() []string { return []string{"/bin/sh", "-c"} }

// Probe runs a health check's test.
func (r *runtime) Probe(ctx context.Context, id string, check project.Healthcheck) (health.Result, error) {
	args, err := testArgs(check)
	if err != nil {
		return health.Result{}, err
	}
	prober, err := r.prober(ctx, id)
	if err != nil {
		return health.Result{}, err
	}
	start := time.Now()
	ran, err := prober.Run(ctx, containerd.Test{Args: args, Timeout: check.Timeout, MaxOutput: health.MaxOutput})
	if err != nil {
		return health.Result{}, err
	}
	result := health.Result{Start: start, End: time.Now(), ExitCode: ran.ExitCode, Output: ran.Output}
	if ran.TimedOut { // Docker's words
		text := fmt.Sprintf("Health check exceeded timeout (%v)", check.Timeout)
		if ran.Output != "" {
			text += ": " + ran.Output
		}
		result.Output = text[:min(len(text), health.MaxOutput)]
	}
	return result, nil
}

// probeOutput is the FIFO through which a test's output comes while it runs.
func probeOutput(p paths.Paths, id string) string { return filepath.Join(p.Probes(), id) }

func testArgs(check project.Healthcheck) ([]string, error) {
	if len(check.Test) > 1 {
		switch check.Test[0] {
		case project.TestExec:
			return check.Test[1:], nil
		case project.TestShell:
			return append(shell(), check.Test[1:]...), nil
		}
	}
	return nil, fmt.Errorf("the health check's test %q is none: it begins with %s or %s", check.Test, project.TestExec, project.TestShell)
}

// prober returns the container's prober: what it has to know is read once.
func (r *runtime) prober(ctx context.Context, id string) (*containerd.Prober, error) {
	r.mu.Lock()
	p := r.probers[id]
	r.mu.Unlock()
	if p != nil {
		return p, nil
	}
	h, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	p, err = h.containerd.Prober(ctx, id, probeOutput(r.cfg.Paths, id))
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.probers == nil {
		r.probers = map[string]*containerd.Prober{}
	}
	r.probers[id] = p
	return p, nil
}

// forgetProber is for a container whose run is over: what its prober knows is read
// again when it is needed.
func (r *runtime) forgetProber(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.probers, id)
}
