package shim

import (
	"context"

	eventstypes "github.com/containerd/containerd/api/events"
	"github.com/containerd/containerd/v2/core/events"
	ctrd "github.com/containerd/containerd/v2/pkg/shim"
)

// settling publishes the exit of a container when its state and log are
// complete.
type settling struct {
	ctrd.Publisher
	service *service
}

// Publish holds up events that come after an exit too, so that their order
// stays.
func (p settling) Publish(ctx context.Context, topic string, e events.Event) error {
	p.service.notePublished(e)
	if exit, ok := e.(*eventstypes.TaskExit); ok && exit.ID == exit.ContainerID {
		if c := p.service.container(exit.ContainerID); c != nil {
			if err := c.awaitSettled(ctx); err != nil {
				return err
			}
		}
	}
	return p.Publisher.Publish(ctx, topic, e)
}
