package containerd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
)

// What a kill leaves inside containerd is an error there for a while, told by
// nothing but its text.
const (
	fileExists = "file exists"
	// tornTries is how often a snapshot is asked for again. A containerd that
	// was killed between making a snapshot's folder and recording it makes the
	// same one next time, fails, and with that takes it away.
	tornTries = 5
	// firstTorn doubles up to tornTime: a command that was killed while it
	// started a container leaves containerd taking apart what it had made, and
	// nothing tells when that is done.
	firstTorn = 10 * time.Millisecond
	tornTime  = 5 * time.Second
	// lostTime is the same for what is more often wrong for good.
	lostTime = 500 * time.Millisecond
)

// errHalfMade: a command that has ended had containerd make what is asked for, or
// take it apart, and containerd is still at it, or has left it so.
var errHalfMade = errors.New("another command was killed while it made it")

func torn(err error) bool {
	return errors.Is(err, errHalfMade) || err != nil && strings.Contains(err.Error(), fileExists)
}

// lostFolder tells whether a task could not be made for want of a file or of its
// shim, which containerd may just have taken away: by what cleans up behind the
// task before, when who deleted that was killed and no longer waits for it.
// What runc says is about the container.
func lostFolder(err error) bool {
	if err == nil || strings.Contains(err.Error(), "OCI runtime create failed") {
		return false
	}
	return strings.Contains(err.Error(), "no such file or directory") || strings.Contains(err.Error(), "ttrpc: closed")
}

// patience is for what containerd does behind a client that was killed.
func patience(ctx context.Context, do func() error) error {
	for delay := firstTorn; ; delay *= 2 {
		err := do()
		if !lostFolder(err) || delay > lostTime {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(delay):
		}
	}
}

// again does what meets the remains of something torn, until they are gone.
func again(ctx context.Context, tries int, do func() error) error {
	delay := firstTorn
	for {
		err := do()
		if tries--; !torn(err) || tries == 0 || delay > tornTime {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(delay):
		}
		delay *= 2
	}
}

// Snapshots returns the snapshotter of images and containers.
func (c *Client) Snapshots() snapshots.Snapshotter {
	return patient{c.raw.SnapshotService(c.cfg.Snapshotter)}
}

// patient is a snapshotter that asks again where a kill has left something.
type patient struct{ snapshots.Snapshotter }

func (p patient) Prepare(ctx context.Context, key, parent string, opts ...snapshots.Opt) (mounts []mount.Mount, err error) {
	err = again(ctx, tornTries, func() error {
		mounts, err = p.Snapshotter.Prepare(ctx, key, parent, opts...)
		return err
	})
	return mounts, err
}

func (p patient) View(ctx context.Context, key, parent string, opts ...snapshots.Opt) (mounts []mount.Mount, err error) {
	err = again(ctx, tornTries, func() error {
		mounts, err = p.Snapshotter.View(ctx, key, parent, opts...)
		return err
	})
	return mounts, err
}

// knownToRunc is how runc refuses an ID that it has a container of. containerd
// knows of none: what made it was killed in the middle, and cleaned up behind
// too early.
const knownToRunc = "container with given ID already exists"

// defaultRuncRoot is where the shim keeps runc's state unless told otherwise.
const defaultRuncRoot = "/run/containerd/runc"

// deleteInRunc takes away, with its process, a container that only runc knows
// of.
func (c *Client) deleteInRunc(ctx context.Context, id, runtime string) error {
	root := filepath.Join(cmp.Or(c.cfg.RuncRoot, defaultRuncRoot), c.cfg.Namespace)
	out, err := exec.CommandContext(ctx, cmp.Or(runtime, c.cfg.Runc, "runc"), "--root", root, "delete", "--force", id).CombinedOutput()
	if err != nil {
		return fmt.Errorf("deleting what runc has left of it: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
