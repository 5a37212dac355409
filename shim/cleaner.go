package shim

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	ctrd "github.com/containerd/containerd/v2/pkg/shim"

	"github.com/gocompose/gocompose/shim/options"
	"github.com/gocompose/gocompose/shim/state"
)

// cleaner is containerd's shim manager, which also records the end of a
// container whose shim has died: containerd calls its Stop then.
type cleaner struct{ ctrd.Shim }

// optionsFile is the file in a task's bundle that holds its options, for Stop.
const optionsFile = "gocompose-options"

func rememberOptions(bundle string, o options.Options) error {
	return os.WriteFile(filepath.Join(bundle, optionsFile), []byte(o.URI()), 0o600)
}

// Stop kills what is left of a container and removes its task.
func (c cleaner) Stop(ctx context.Context, id string) (ctrd.StopStatus, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return ctrd.StopStatus{}, err
	}
	uri, readErr := os.ReadFile(filepath.Join(filepath.Dir(cwd), id, optionsFile))
	status, err := c.Shim.Stop(ctx, id)
	switch {
	case err != nil, errors.Is(readErr, fs.ErrNotExist): // not stopped, or not ours
		return status, err
	case readErr != nil:
		return status, readErr
	}
	o, err := options.Parse(string(uri))
	if err != nil {
		return status, err
	}
	return status, recordStop(o.Dir, status)
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
