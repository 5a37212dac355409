package shim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"github.com/containerd/containerd/v2/defaults"
	ctrd "github.com/containerd/containerd/v2/pkg/shim"

	"github.com/gocompose/gocompose/shim/options"
	"github.com/gocompose/gocompose/shim/state"
)

// cleaner is containerd's shim manager, which also records the end of a
// container whose shim has died, and takes away its socket: containerd calls
// its Stop then.
type cleaner struct{ ctrd.Shim }

// addressFile is the file in a task's bundle with the address of its shim. The
// shim writes it; before version 1.7 containerd finds running shims by it when
// it starts again.
const addressFile = "address"

// Start starts the shim of the task whose bundle is the working directory.
func (c cleaner) Start(ctx context.Context, p *bootstrap.BootstrapParams) (*bootstrap.BootstrapResult, error) {
	beYoung() // this process is never anything else
	dir := cmp.Or(p.GetSocketDir(), filepath.Join(defaults.DefaultStateDir, "s"))
	address, err := ctrd.CreateSocketAddress(ctx, dir, p.ContainerdGrpcAddress, p.InstanceID, false)
	if err != nil {
		return nil, err
	}
	// Before there is a shim, which would stay if this failed.
	if err := writeAddress(address); err != nil {
		return nil, err
	}
	result, err := c.Shim.Start(ctx, p)
	if err == nil && result.Address != address { // the shim of a group of containers
		err = writeAddress(result.Address)
	}
	return result, err
}

func writeAddress(address string) error {
	if err := os.WriteFile(addressFile, []byte(address), 0o600); err != nil {
		return fmt.Errorf("writing the shim's address: %w", err)
	}
	return nil
}

// optionsFile is the file in a task's bundle that holds its options, for Stop.
const optionsFile = "gocompose-options"

func rememberOptions(bundle string, o options.Options) error {
	return os.WriteFile(filepath.Join(bundle, optionsFile), []byte(o.URI()), 0o600)
}

// recallOptions returns what rememberOptions has kept, or fs.ErrNotExist.
func recallOptions(bundle string) (options.Options, error) {
	uri, err := os.ReadFile(filepath.Join(bundle, optionsFile))
	if err != nil {
		return options.Options{}, err
	}
	return options.Parse(string(uri))
}

// deletedFile is what optionsFile becomes when the task has been deleted: then
// nothing is left to stop.
const deletedFile = "gocompose-deleted"

// rememberDeleted is for Stop, which does the same again, for nothing, when it
// does not know.
func rememberDeleted(bundle string) error {
	return os.Rename(filepath.Join(bundle, optionsFile), filepath.Join(bundle, deletedFile))
}

// isDeleted tells whether the task was deleted, perhaps with its bundle.
func isDeleted(bundle string) bool {
	if _, err := os.Stat(bundle); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	_, err := os.Stat(filepath.Join(bundle, deletedFile))
	return err == nil
}

// Stop kills what is left of a container and removes its task. containerd calls
// it whenever a shim has ended, also after it has deleted the task.
func (c cleaner) Stop(ctx context.Context, id string) (ctrd.StopStatus, error) {
	beYoung()
	cwd, err := os.Getwd()
	if err != nil {
		return ctrd.StopStatus{}, err
	}
	bundle := filepath.Join(filepath.Dir(cwd), id)
	if isDeleted(bundle) { // its exit is known, nobody asks for it again
		return ctrd.StopStatus{ExitedAt: time.Now()}, removeSocket(bundle)
	}
	o, err := recallOptions(bundle)
	if errors.Is(err, fs.ErrNotExist) { // not ours
		status, err := c.Shim.Stop(ctx, id)
		return status, errors.Join(err, removeSocket(bundle))
	}
	if err != nil {
		return ctrd.StopStatus{}, err
	}
	rest, err := openRescue(o, bundle)
	if err != nil {
		return ctrd.StopStatus{}, err
	}
	status, err := c.Shim.Stop(ctx, id)
	if err != nil {
		return status, errors.Join(err, rest.close())
	}
	return status, errors.Join(rest.finish(), removeSocket(bundle), recordStop(o.Dir, status))
}

// removeSocket removes the socket of a bundle's shim that is dead.
func removeSocket(bundle string) error {
	address, err := ctrd.ReadAddress(filepath.Join(bundle, addressFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was never started
	}
	if err != nil || ctrd.CanConnect(address) { // a group's, for other containers
		return err
	}
	if err := ctrd.RemoveSocket(address); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// recordStop records the end of a container that was not seen to exit.
func recordStop(dir string, status ctrd.StopStatus) error {
	st, err := state.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // never started, or removed
	}
	if err != nil || !st.Running {
		return err
	}
	st.Running, st.ExitedAt, st.ExitCode = false, status.ExitedAt, status.ExitStatus
	return state.Write(dir, st)
}
