package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/internal/flock"
)

// leaseLock begins the names of the locks of leases.
const leaseLock = "lease-"

// Lease keeps what a command makes from being collected as garbage, until it is ended or
// left.
type Lease struct {
	path  string
	lock  *flock.Lock
	end   func(context.Context) error
	keeps func(context.Context) (bool, error)
}

// Lease makes one for what is made under the returned context. A command on images is about
// no project: "". The lease has a lock, by which others see that the command goes on.
func (h *Host) Lease(ctx context.Context, project string) (context.Context, *Lease, error) {
	path := filepath.Join(h.cfg.Paths.Locks(), leaseLock+strings.ToLower(rand.Text()))
	lock, err := flock.Acquire(ctx, path) // who looks whether it is free has it for a moment
	if err != nil {
		return nil, nil, fmt.Errorf("making a lease: %w", err)
	}
	l := &Lease{path: path, lock: lock, keeps: h.containerd.Keeps}
	leased, end, err := h.containerd.Lease(ctx, project, path)
	if err != nil {
		return nil, nil, errors.Join(err, l.unlock())
	}
	l.end = end
	return leased, l, nil
}

// End ends the lease: what it alone keeps goes.
func (l *Lease) End(ctx context.Context) error { return errors.Join(l.end(ctx), l.unlock()) }

// Leave leaves what the lease in ctx keeps to the next command, as if this one had been
// killed: it takes it over, or collects it. One that keeps nothing ends.
func (l *Lease) Leave(ctx context.Context) error {
	if kept, err := l.keeps(ctx); err != nil || !kept {
		return errors.Join(err, l.End(ctx))
	}
	return l.unlock()
}

func (l *Lease) unlock() error { return errors.Join(removeIfThere(l.path), l.lock.Unlock()) }

// killed tells whether the command whose lease it is was. Of leases without a lock, or
// with one of another layout on the same engine, nobody knows.
func (h *Host) killed(l images.Lease) (bool, error) {
	return h.lockLeft(l.Labels[containerd.LockLabel])
}

func (h *Host) lockLeft(path string) (bool, error) {
	if filepath.Dir(path) != h.cfg.Paths.Locks() {
		return false, nil
	}
	return freeLock(path)
}

// freeLock tells whether nobody holds a lock, and takes its file away then.
func freeLock(path string) (bool, error) {
	lock, err := flock.Try(path)
	if errors.Is(err, flock.ErrLocked) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, errors.Join(removeIfThere(path), lock.Unlock())
}

// sweepLeases takes away the lock files that killed commands have left. Of a lease
// without one it is known that its command was killed.
func (h *Host) sweepLeases() error {
	locks, err := filepath.Glob(filepath.Join(h.cfg.Paths.Locks(), leaseLock+"*"))
	errs := []error{err}
	for _, path := range locks {
		_, err := freeLock(path)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Collect ends the leases of killed commands, and with them goes what these have begun
// to fetch or to make. It returns when all that nobody has is gone.
func (h *Host) Collect(ctx context.Context) error {
	stored, err := h.images.Stored(ctx)
	if err != nil {
		return err
	}
	for _, l := range stored.Leases {
		killed, err := h.killed(l)
		if err == nil && killed {
			err = h.containerd.EndLease(ctx, l.ID)
		}
		if err != nil {
			return err
		}
	}
	return h.containerd.EndLease(ctx, "")
}
