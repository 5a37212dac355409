package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/namespaces"
	"github.com/gocompose/gocompose/project"
)

func (h *Host) shared() namespaces.Namespaces { return namespaces.In(h.cfg.Paths.Namespaces()) }

// joinNamespaces makes the container's namespaces that it has with others be
// where its specification says.
func (h *Host) joinNamespaces(ctx context.Context, c containerd.Container) error {
	want := c.Record.Spec
	if want.Namespaces.IPC == project.IPCShareable {
		return errors.Join(
			h.shared().OwnIPC(c.ID, cmp.Or(want.ShmSize, project.DefaultShmSize)),
			h.joinOthers(ctx, c),
		)
	}
	return h.joinOthers(ctx, c)
}

func (h *Host) joinOthers(ctx context.Context, c containerd.Container) error {
	for _, share := range c.Record.Spec.Shares() {
		var join func(context.Context, string, containerd.Container) error
		switch share.Attribute {
		case project.AttributeIPC:
			join = h.joinIPC
		case project.AttributePID:
			join = h.joinPID
		default: // the network is made with the endpoint
			continue
		}
		owner, err := h.runningOwner(ctx, c.Record.Spec.Project, share)
		if err != nil {
			return err
		}
		if err := join(ctx, c.ID, owner); err != nil {
			return fmt.Errorf("%s: %s: container %s: %w", share.Attribute, share.Mode, owner.Record.Spec.Name, err)
		}
	}
	return nil
}

func (h *Host) joinIPC(_ context.Context, id string, owner containerd.Container) error {
	of := owner.ID
	if owner.Record.Spec.Namespaces.IPC == project.NamespaceHost {
		of = namespaces.Host
	}
	err := h.shared().JoinIPC(id, of)
	if errors.Is(err, namespaces.ErrNotShared) {
		return fmt.Errorf("%w: give it ipc: shareable", err)
	}
	return err
}

// joinPID binds the namespace of the owner's process. That it is this process's is
// certain when the container still has it after the namespace was opened.
func (h *Host) joinPID(ctx context.Context, id string, owner containerd.Container) (err error) {
	f, err := os.Open("/proc/" + strconv.Itoa(owner.Pid) + "/ns/pid")
	if err != nil {
		return fmt.Errorf("it does not run any more: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	now, err := h.containerd.Container(ctx, owner.ID)
	if err != nil {
		return err
	}
	if !now.Running() || now.Pid != owner.Pid {
		return errors.New("it does not run any more: start it first")
	}
	return h.shared().JoinPID(id, "/proc/self/fd/"+strconv.Itoa(int(f.Fd())))
}

// outOfIPC tells whether the container runs in an IPC namespace that is not that
// of its owner any more.
func (h *Host) outOfIPC(c containerd.Container) (bool, error) {
	if !c.Running() || !c.Record.Spec.Namespaces.IPC.Shared() {
		return false, nil
	}
	owner, err := h.shared().Owner(c.ID)
	if err != nil || owner == namespaces.Host {
		return false, err
	}
	there, err := h.shared().Kept(owner)
	return !there, err
}
