package host

import (
	"context"
	"io"
	"syscall"

	"github.com/gocompose/gocompose/containerd"
)

// Streams are what a process is connected with on this side.
type Streams struct {
	In       io.Reader // nil: there is none
	Out, Err io.Writer // what a terminal prints goes to Out
}

// Size is that of a terminal, in characters.
type Size = containerd.Size

// Process is a process of a container that streams can be connected with.
type Process interface {
	// Copy copies between the process and the streams until the process has ended
	// and all that it has printed is written, and returns its exit code. It is
	// called once. When ctx ends, it returns the cause. A Read of In that has begun
	// by then goes on: its end is the caller's affair.
	Copy(ctx context.Context, s Streams) (exitCode int, err error)
	// Resize changes the size of the process's terminal.
	Resize(ctx context.Context, size Size) error
	// Signal sends the process a signal. One that has ended gets none.
	Signal(ctx context.Context, s syscall.Signal) error
	// Close ends the connection. What becomes of the process is said where it is
	// connected with.
	Close() error
}

// AttachOptions say what a connection to a container is like.
type AttachOptions struct {
	// EndsInput: the end of Streams.In is the end of the container's standard input,
	// for everybody and for good. A terminal's has no end.
	EndsInput bool
	// Patient: the container waits for who reads slowly, and nothing is left out.
	// Others are cut off, with an error, when they are too far behind.
	Patient bool
}

// WithAttach returns the same host, which calls attach when it starts the container
// with that ID: its task is created then, so Attach and Resize work, and nothing of
// it has run, so nothing is missed. An error is that of the start. It may be called
// again, when a start has to be begun anew: earlier attachments have ended then.
func (h *Host) WithAttach(id string, attach func(ctx context.Context) error) *Host {
	with := *h
	with.created = map[string]func(context.Context) error{id: attach}
	for other, f := range h.created {
		if other != id {
			with.created[other] = f
		}
	}
	return &with
}
