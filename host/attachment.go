package host

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/shim/attach"
	"github.com/gocompose/gocompose/shim/state"
)

// ErrUnattachable: the container was started by a gocompose that did not provide
// for attaching.
var ErrUnattachable = errors.New("it was started by an earlier gocompose, to whose containers nobody can attach: `gocompose restart` makes that possible")

// ErrCutOff: see AttachOptions.
var ErrCutOff = attach.ErrCut

// Attachment is a connection to the first process of a container. The process
// does not depend on it.
type Attachment struct {
	host    *Host
	id      string
	options AttachOptions
	client  *attach.Client
}

// Attach connects with the first process of a container that runs, or that is
// about to be started (see WithAttach). When it returns, nothing that is printed
// from then on is missed.
func (h *Host) Attach(ctx context.Context, id string, o AttachOptions) (*Attachment, error) {
	client, err := attach.Dial(ctx, h.attachSocket(id), attach.Options{Patient: o.Patient})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
		err = h.unattachable(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	return &Attachment{host: h, id: id, options: o, client: client}, nil
}

// attachSocket is where the container's shim is to be attached to.
func (h *Host) attachSocket(id string) string { return filepath.Join(h.cfg.Paths.Attach(), id) }

// unattachable tells why nobody listens.
func (h *Host) unattachable(ctx context.Context, id string) error {
	switch c, err := h.containerd.Container(ctx, id); {
	case err != nil:
		return err
	case c.Running():
		return ErrUnattachable
	}
	return executor.ErrNotRunning
}

// Copy implements Process.
func (a *Attachment) Copy(ctx context.Context, s Streams) (int, error) {
	defer context.AfterFunc(ctx, func() { _ = a.client.Close() })()
	if s.In != nil {
		go a.input(s.In) // ends with In, or with the connection when something is read
	}
	code, err := a.client.Output(cmp.Or(s.Out, io.Discard), cmp.Or(s.Err, io.Discard))
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case errors.Is(err, attach.ErrLost):
		return a.host.lostCode(ctx, a.id)
	}
	return code, err
}

func (a *Attachment) input(in io.Reader) {
	// An error is that of a connection that is over, which Output tells.
	_, err := io.Copy(a.client, in)
	if err == nil && a.options.EndsInput {
		_ = a.client.EndInput()
	}
}

// lostTime is how long a container whose shim is gone may take to be cleaned up after.
const (
	lostTime = 10 * time.Second
	lostLook = 20 * time.Millisecond
)

// lostCode returns the exit code of a container whose shim is gone: with it the
// container goes, and who cleans up records how.
func (h *Host) lostCode(ctx context.Context, id string) (int, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lostTime, attach.ErrLost)
	defer cancel()
	for {
		st, err := state.Read(h.cfg.Paths.Container(id))
		if err != nil {
			return 0, errors.Join(attach.ErrLost, err)
		}
		if !st.Running {
			return st.ExitCode, nil
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(lostLook):
		}
	}
}

// Resize implements Process.
func (a *Attachment) Resize(ctx context.Context, size Size) error {
	return a.host.containerd.ResizeTask(ctx, a.id, size)
}

// Signal implements Process. What a stop by the user is stays one: see
// KillContainer.
func (a *Attachment) Signal(ctx context.Context, s syscall.Signal) error {
	err := a.host.KillContainer(ctx, a.id, unix.SignalName(s))
	if errors.Is(err, executor.ErrNotRunning) || errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// Close implements Process. The container goes on.
func (a *Attachment) Close() error {
	if err := a.client.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// removeAttach takes away what was there to attach to a container, or run programs
// in it.
func (h *Host) removeAttach(id string) error {
	return errors.Join(removeIfThere(h.attachSocket(id)), os.RemoveAll(h.execDir(id)))
}

// execDir is where the programs that are run in a container have their FIFOs while
// they are started.
func (h *Host) execDir(id string) string { return filepath.Join(h.cfg.Paths.Execs(), id) }
