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

// EventKind is what happened to the process of a container.
type EventKind string

// The kinds of events.
const (
	EventStarted EventKind = "started"
	EventExited  EventKind = "exited"
	EventPaused  EventKind = "paused"
	EventResumed EventKind = "resumed"
)

// Event says that something happened to the process of a container.
type Event struct {
	ID   string
	Kind EventKind
	At   time.Time
	Code uint32 // of EventExited, as Exit's
}

// Exit says how the process of a container ended.
type Exit struct {
	ID   string
	Code uint32 // 128 and the signal's number when a signal ended it
	At   time.Time
}

const (
	// readyTopic is of events that go from Events to itself.
	readyTopic = "/gocompose/ready"
	// readyInterval is how often Events asks whether it is subscribed.
	readyInterval = 5 * time.Millisecond
)

// Events returns what happens to containers' processes after it has returned.
// Events are wake-ups, not the truth: one may come twice, and those of a time
// when containerd was down may never come. Programs that were executed in
// containers are not among them.
//
// The channel is closed when ctx or the connection ends.
func (c *Client) Events(ctx context.Context) (<-chan Event, error) {
	ctx, cancel := context.WithCancel(ctx)
	nonce := rand.Text()
	envelopes, errs := c.raw.EventService().Subscribe(ctx, c.eventFilters()...)
	first, err := c.subscribed(ctx, nonce, envelopes, errs)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("subscribing to containerd's events: %w", err)
	}
	out := make(chan Event)
	go func() {
		defer cancel()
		defer close(out)
		for {
			for _, e := range first {
				select {
				case out <- e:
				case <-ctx.Done():
					return
				}
			}
			select {
			case envelope := <-envelopes:
				first = eventsOf(envelope)
			case <-errs:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// eventFilters are in containerd's language: an event is sent when one of them
// holds. Of probes, which end all the time, nothing is.
func (c *Client) eventFilters() []string {
	var all []string
	for _, topic := range []string{
		runtime.TaskStartEventTopic, runtime.TaskExitEventTopic,
		runtime.TaskPausedEventTopic, runtime.TaskResumedEventTopic, readyTopic,
	} {
		all = append(all, fmt.Sprintf("namespace==%q,topic==%q,event.id!=%q", c.cfg.Namespace, topic, probeID))
	}
	return all
}

// subscribed returns when events arrive: the server begins to listen some time
// after the call has returned, and what happens before is lost. It sends events
// until one comes back, and returns those that came before it.
func (c *Client) subscribed(ctx context.Context, nonce string, envelopes <-chan *events.Envelope, errs <-chan error) ([]Event, error) {
	var early []Event
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
				early = append(early, eventsOf(envelope)...)
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

// eventsOf returns what an envelope tells of a container's own process.
func eventsOf(e *events.Envelope) []Event {
	decoded, err := typeurl.UnmarshalAny(e.Event)
	if err != nil {
		return nil
	}
	switch event := decoded.(type) {
	case *apievents.TaskExit:
		if e.Topic == runtime.TaskExitEventTopic && event.ID == event.ContainerID {
			return []Event{{event.ContainerID, EventExited, event.ExitedAt.AsTime(), event.ExitStatus}}
		}
	case *apievents.TaskStart:
		return []Event{{ID: event.ContainerID, Kind: EventStarted, At: e.Timestamp}}
	case *apievents.TaskPaused:
		return []Event{{ID: event.ContainerID, Kind: EventPaused, At: e.Timestamp}}
	case *apievents.TaskResumed:
		return []Event{{ID: event.ContainerID, Kind: EventResumed, At: e.Timestamp}}
	}
	return nil
}
