package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/internal/jsondir"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// stoppedFile is in the folder of a container that the user has stopped and not
// started since: an empty file, which a reboot leaves where it is.
const stoppedFile = "stopped"

func (h *Host) kept() jsondir.Dir[keep.Record] { return keep.In(h.cfg.Paths.Kept()) }

// keptNames returns the IDs of the containers that are to be kept running.
func (h *Host) keptNames() (map[string]bool, error) {
	names, err := h.kept().Names()
	if err != nil {
		return nil, err
	}
	kept := make(map[string]bool, len(names))
	for _, id := range names {
		kept[id] = true
	}
	return kept, nil
}

func (h *Host) isKept(id string) bool {
	_, err := h.kept().Read(id)
	return !errors.Is(err, fs.ErrNotExist)
}

// aboutToRestart tells whether a container that does not run is going to be
// started again without anybody asking for it. A record whose run has not begun is
// of a start that goes on, or of one that was cut short: that is for the user to
// begin again.
func (h *Host) aboutToRestart(id string, l life) bool {
	r, err := h.kept().Read(id)
	return err == nil && r.Covers(l.StartedAt)
}

// observed puts together what is known of a container for who plans.
func (h *Host) observed(c containerd.Container, l life) planner.Container {
	if !c.Running() && h.aboutToRestart(c.ID, l) {
		l.state = planner.StateRestarting
	}
	return planner.Container{
		ID:            c.ID,
		Spec:          c.Record.Spec,
		State:         l.state,
		ExitCode:      l.ExitCode,
		Stopped:       exists(h.stoppedPath(c.ID)),
		HooksDue:      l.state != planner.StateExited && l.state != planner.StateCreated && exists(h.duePath(c.ID)),
		ImageDigest:   c.Record.ImageDigest,
		MountedImages: c.Record.MountedImages,
		Anonymous:     c.Record.Anonymous,
		Taken:         c.Record.Taken,
	}
}

func (h *Host) stoppedPath(id string) string {
	return filepath.Join(h.cfg.Paths.Container(id), stoppedFile)
}

// wantRunning notes that the user wants the container to run, from now on if it
// is not noted already. The caller has the container's lock.
func (h *Host) wantRunning(c containerd.Container) error {
	if err := removeIfThere(h.stoppedPath(c.ID)); err != nil {
		return err
	}
	if r := c.Record.Spec.Restart; r.Condition == project.RestartNo && !r.Unhealthy {
		return nil
	}
	if c.Running() && h.isKept(c.ID) {
		return nil
	}
	last, _ := h.recorded(c.ID) // one that cannot be read is as none
	return h.kept().Write(c.ID, keep.Record{ID: c.ID, Since: time.Now(), Before: last.StartedAt})
}

// wantStopped notes that the user does not want the container to run, or, when
// the machine goes down, that it is not to run until that is up again. The
// caller has the container's lock.
func (h *Host) wantStopped(c containerd.Container) error {
	if err := h.kept().Remove(c.ID); err != nil || h.goingDown {
		return err
	}
	f, err := os.OpenFile(h.stoppedPath(c.ID), os.O_CREATE|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrNotExist) { // without a folder it was never started
		return nil
	}
	if err != nil {
		return err
	}
	// After a reboot the note is read of these alone; and a disk takes its time.
	if c.Record.Spec.Restart.Condition == project.RestartUnlessStopped {
		err = errors.Join(f.Sync(), syncFolder(h.cfg.Paths.Container(c.ID)))
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes what was added to a folder outlast a power cut.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// forget removes what the state folder says of a container that is not there.
func (h *Host) forget(ctx context.Context, id string) error {
	return errors.Join(h.secrets.Remove(ctx, id), h.kept().Remove(id), health.In(h.cfg.Paths.Health()).Remove(id), removeIfThere(probeOutput(h.cfg.Paths, id)),
		removeIfThere(hookOutput(h.cfg.Paths, id)))
}

// forgetRemoved forgets the containers without a folder.
func (h *Host) forgetRemoved(ctx context.Context) error {
	kept, err := h.kept().Names()
	checked, herr := health.In(h.cfg.Paths.Health()).Names()
	filed, serr := h.secrets.Names()
	errs := []error{err, herr, serr, h.secrets.Tidy(ctx)}
	for _, id := range slices.Concat(kept, checked, filed) {
		if !exists(h.cfg.Paths.Container(id)) {
			errs = append(errs, h.forget(ctx, id))
		}
	}
	return errors.Join(errs...)
}

// progress is how far the supervisor has come with keeping a container running.
type progress struct {
	restarts  int
	restartAt time.Time
	health    *health.State
}

// askTime is how long the supervisor may take to say what it has in memory.
const askTime = 2 * time.Second

// progress returns what the supervisor knows, or when it does not answer, what
// it has left in files, of a container's run that began at a time.
func (h *Host) progress(ctx context.Context) func(id string, startedAt time.Time) progress {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	all, err := h.supervisor.current().Containers(ctx)
	if err != nil {
		return h.leftProgress
	}
	known := map[string]progress{}
	for _, s := range all {
		known[s.ID] = progress{s.Restarts, s.RestartAt, s.Health}
	}
	return func(id string, _ time.Time) progress { return known[id] }
}

func (h *Host) leftProgress(id string, startedAt time.Time) progress {
	var p progress
	if r, err := h.kept().Read(id); err == nil {
		p.restarts = r.Restarts
	}
	if r, err := health.In(h.cfg.Paths.Health()).Read(id); err == nil && r.StartedAt.Equal(startedAt) {
		p.health = &r.State
	}
	return p
}
