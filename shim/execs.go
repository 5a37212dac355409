package shim

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"golang.org/x/sys/unix"
)

// startExec starts a program in a container. The inner service opens the FIFOs
// of its output, and waits half a minute for somebody to read them: meanwhile it
// does not note the container's end, and who was to read may have been killed.
// So there is a reader as long as that takes. Afterwards it has its own.
func (s *service) startExec(ctx context.Context, r *taskapi.StartRequest) (*taskapi.StartResponse, error) {
	st, err := s.TTRPCTaskService.State(ctx, &taskapi.StateRequest{ID: r.ID, ExecID: r.ExecID})
	if err != nil {
		return nil, err
	}
	for _, path := range []string{st.Stdout, st.Stderr} {
		reader, err := openReader(path)
		if err != nil {
			return nil, err
		}
		if reader != nil {
			defer reader.Close()
		}
	}
	at := time.Now()
	resp, err := s.TTRPCTaskService.Start(ctx, r)
	if c := s.container(r.ID); err == nil && c != nil {
		c.noter.execStarted(r.ExecID, at)
	}
	return resp, err
}

// openReader opens a FIFO without waiting for who writes to it. For what is none
// it returns nil: it is for the inner service to say what is wrong, if anything.
func openReader(path string) (*os.File, error) {
	if info, err := os.Stat(path); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
		return nil, nil
	}
	return f, err
}
