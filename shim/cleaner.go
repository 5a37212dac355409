package shim

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"github.com/containerd/containerd/v2/defaults"
	ctrd "github.com/containerd/containerd/v2/pkg/shim"

	"github.com/gocompose/gocompose/shim/launch"
	"github.com/gocompose/gocompose/shim/options"
	"github.com/gocompose/gocompose/shim/state"
)

// cleaner is containerd's shim manager, which also records the end of a
// container whose shim has died, and takes away its socket: containerd calls
// its Stop then.
type cleaner struct{ ctrd.Shim }

// Start starts the shim of the task whose bundle is the working directory.
func (c cleaner) Start(ctx context.Context, p *bootstrap.BootstrapParams) (*bootstrap.BootstrapResult, error) {
	beYoung() // this process is never anything else
	dir := cmp.Or(p.GetSocketDir(), filepath.Join(defaults.DefaultStateDir, "s"))
	address, err := ctrd.CreateSocketAddress(ctx, dir, p.ContainerdGrpcAddress, p.InstanceID, false)
	if err != nil {
		return nil, err
	}
	// Before there is a shim, which would stay if this failed.
	if err := launch.WriteAddress(address); err != nil {
		return nil, err
	}
	result, err := c.Shim.Start(ctx, p)
	if err == nil && result.Address != address { // the shim of a group of containers
		err = launch.WriteAddress(result.Address)
	}
	return result, err
}

// rememberOptions is for Stop.
func rememberOptions(bundle string, o options.Options) error {
	return os.WriteFile(filepath.Join(bundle, launch.OptionsFile), []byte(o.URI()), 0o600)
}

// recallOptions returns what rememberOptions has kept, or fs.ErrNotExist.
func recallOptions(bundle string) (options.Options, error) {
	uri, err := os.ReadFile(filepath.Join(bundle, launch.OptionsFile))
	if err != nil {
		return options.Options{}, err
	}
	return options.Parse(string(uri))
}

// rememberDeleted is for launch, which leaves it to Stop to do the same again,
// for nothing, when it does not know.
func rememberDeleted(bundle string) error {
	return os.Rename(filepath.Join(bundle, launch.OptionsFile), filepath.Join(bundle, launch.DeletedFile))
}

// Stop kills what is left of a container and removes its task. containerd calls
// it whenever a shim has ended, but launch answers when the task was deleted.
func (c cleaner) Stop(ctx context.Context, id string) (ctrd.StopStatus, error) {
	beYoung()
	cwd, err := os.Getwd()
	if err != nil {
		return ctrd.StopStatus{}, err
	}
	bundle := filepath.Join(filepath.Dir(cwd), id)
	o, err := recallOptions(bundle)
	if errors.Is(err, fs.ErrNotExist) { // not ours
		status, err := c.Shim.Stop(ctx, id)
		return status, errors.Join(err, launch.RemoveSocket(bundle))
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
	return status, errors.Join(rest.finish(), launch.RemoveSocket(bundle), removeAttach(o), recordStop(o, status))
}

// removeAttach takes away the socket by which a killed shim could be attached to.
func removeAttach(o options.Options) error {
	if o.Attach == "" {
		return nil
	}
	if err := os.Remove(o.Attach); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// recordStop records the end of a container that was not seen to exit.
func recordStop(o options.Options, status ctrd.StopStatus) error {
	st, err := state.Read(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // never started, or removed
	}
	if err != nil || !st.Running {
		return err
	}
	st.Running, st.ExitedAt, st.ExitCode = false, status.ExitedAt, status.ExitStatus
	if err := state.Write(o.Dir, st); err != nil {
		return err
	}
	var n noter
	n.of(o)
	n.died(st)
	return nil
}
