package containerd

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	apievents "github.com/containerd/containerd/api/events"
	"github.com/containerd/containerd/v2/core/events"
	"github.com/containerd/containerd/v2/core/runtime"
	"github.com/containerd/typeurl/v2"
)

// Exit says how the process of a container ended.
type Exit struct {
	ID   string
	Code uint32 // 128 and the signal's number when a signal ended it
	At   time.Time
}

const (
	// readyTopic is of events that go from Exits to itself.
	readyTopic = "/gocompose/ready"
	// readyInterval is how often Exits asks whether it is subscribed.
	readyInterval = 5 * time.Millisecond
)

// Exits returns the exits of containers' processes, of all that happen after
// it has returned. Events are wake-ups, not the truth: one may come twice, and
// those of a time when containerd was down may never come. Programs that were
// executed in containers are not among them.
//
// The channel is closed when ctx or the connection ends.
func (c *Client) Exits(ctx context.Context) (<-chan Exit, error) {
	ctx, cancel := context.WithCancel(ctx)
	nonce := rand.Text()
	envelopes, errs := c.raw.EventService().Subscribe(ctx,
		fmt.Sprintf("namespace==%q,topic==%q", c.cfg.Namespace, runtime.TaskExitEventTopic),
		fmt.Sprintf("namespace==%q,topic==%q", c.cfg.Namespace, readyTopic))
	first, err := c.subscribed(ctx, nonce, envelopes, errs)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("subscribing to containerd's events: %w", err)
	}
	exits := make(chan Exit)
	go func() {
		defer cancel()
		defer close(exits)
		for {
			for _, e := range first {
				select {
				case exits <- e:
				case <-ctx.Done():
					return
				}
			}
			select {
			case envelope := <-envelopes:
				first = exitsOf(envelope)
			case <-errs:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return exits, nil
}

// subscribed returns when events arrive: the server begins to listen some time
// after the call has returned, and what happens before is lost. It sends events
// until one comes back, and returns the exits that came before it.
func (c *Client) subscribed(ctx context.Context, nonce string, envelopes <-chan *events.Envelope, errs <-chan error) ([]Exit, error) {
	var early []Exit
	again := time.NewTicker(readyInterval)
	defer again.Stop()
	for {
		if err := c.raw.EventService().Publish(ctx, readyTopic, &apievents.TaskExit{ContainerID: nonce}); err != nil {
			return nil, err
		}
		for waiting := true; waiting; {
			select {
			case envelope := <-envelopes:
				if isReady(envelope, nonce) {
					return early, nil
				}
				early = append(early, exitsOf(envelope)...)
			case err := <-errs:
				return nil, cmp.Or(err, ctx.Err(), io.ErrUnexpectedEOF)
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-again.C:
				waiting = false
			}
		}
	}
}

func isReady(e *events.Envelope, nonce string) bool {
	var event apievents.TaskExit
	return e.Topic == readyTopic && typeurl.UnmarshalTo(e.Event, &event) == nil && event.ContainerID == nonce
}

// exitsOf returns the exit that an event tells of, if it is that of a
// container's own process.
func exitsOf(e *events.Envelope) []Exit {
	var event apievents.TaskExit
	if e.Topic != runtime.TaskExitEventTopic || typeurl.UnmarshalTo(e.Event, &event) != nil || event.ID != event.ContainerID {
		return nil
	}
	return []Exit{{ID: event.ContainerID, Code: event.ExitStatus, At: event.ExitedAt.AsTime()}}
}
