package shim

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/log"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/gocompose/gocompose/shim/options"
)

// execStreams are the FIFOs of a program of ours that is run in a container.
type execStreams struct {
	in, out, err string // empty: nothing
	alive        string // whoever started it has this open for writing, while that one is there
	direct       bool   // the program gets them itself
	detached     bool   // it goes on when nobody is there
}

func ours(execID string) bool { return strings.HasPrefix(execID, options.ExecPrefix) }

// prepareExec remembers the streams of a program of ours. One without a terminal gets its FIFOs itself,
// as containers do: nothing is copied, its input ends with who writes it, and printing
// for nobody ends it. The inner service is told that there are none.
func (s *service) prepareExec(ctx context.Context, r *taskapi.ExecProcessRequest) (*emptypb.Empty, error) {
	if !ours(r.ExecID) {
		return s.TTRPCTaskService.Exec(ctx, r)
	}
	streams := execStreams{in: r.Stdin, out: r.Stdout, err: r.Stderr, direct: !r.Terminal}
	if r.Stdout != "" {
		streams.alive = filepath.Join(filepath.Dir(r.Stdout), options.AliveFile)
	}
	if filepath.Base(r.Stdout) == options.DetachedFile {
		streams.detached, streams.out = true, ""
	}
	if streams.direct {
		r = proto.Clone(r).(*taskapi.ExecProcessRequest)
		r.Stdin, r.Stdout, r.Stderr = "", "", ""
	}
	resp, err := s.TTRPCTaskService.Exec(ctx, r)
	if err == nil {
		s.mu.Lock()
		s.execs[r.ExecID] = streams
		s.mu.Unlock()
	}
	return resp, err
}

// takeExec returns what prepareExec has remembered, once.
func (s *service) takeExec(id string) (execStreams, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	streams, ok := s.execs[id]
	delete(s.execs, id)
	return streams, ok
}

// startExec starts a program in a container.
func (s *service) startExec(ctx context.Context, r *taskapi.StartRequest) (*taskapi.StartResponse, error) {
	streams, ok := s.takeExec(r.ExecID)
	if !ok {
		return s.startCopied(ctx, r)
	}
	alive, err := openReader(streams.alive)
	if err != nil {
		return nil, err
	}
	resp, err := s.startOurs(ctx, r, streams)
	if err != nil {
		return nil, errors.Join(err, closeFile(alive))
	}
	s.spawn(ctx, func(ctx context.Context) { s.lookAfter(ctx, r, streams, alive) })
	return resp, nil
}

func (s *service) startOurs(ctx context.Context, r *taskapi.StartRequest, streams execStreams) (*taskapi.StartResponse, error) {
	if !streams.direct {
		return s.startCopied(ctx, r)
	}
	files, err := streams.open()
	if err != nil {
		return nil, err
	}
	defer files.close()
	s.outlets.expectExec(r.ExecID, files)
	defer s.outlets.forgetExec(r.ExecID)
	return s.startNoted(ctx, r)
}

// startCopied starts a program whose output the inner service copies. That one opens
// the FIFOs, and waits half a minute for somebody to read them: meanwhile it does not
// note the container's end, and who was to read may have been killed. So there is a
// reader as long as that takes. Afterwards it has its own.
func (s *service) startCopied(ctx context.Context, r *taskapi.StartRequest) (*taskapi.StartResponse, error) {
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
	return s.startNoted(ctx, r)
}

// lookAfter hangs up on a program of ours when who has started it is gone, and takes
// away what has ended and nobody else does. That is not before: the engine asks for a
// program once more when it is started, also for one that has ended by then.
func (s *service) lookAfter(ctx context.Context, r *taskapi.StartRequest, streams execStreams, alive *os.File) {
	if alive != nil {
		stop := context.AfterFunc(ctx, func() { _ = alive.Close() })
		_, _ = io.Copy(io.Discard, alive) // either way nobody is there
		stop()
		_ = alive.Close()
	}
	if alive != nil && !streams.detached {
		s.hangUp(ctx, r)
	}
	if _, err := s.TTRPCTaskService.Wait(ctx, &taskapi.WaitRequest{ID: r.ID, ExecID: r.ExecID}); err != nil {
		return // it is taken away, or the shim ends
	}
	if _, err := s.TTRPCTaskService.Delete(ctx, &taskapi.DeleteRequest{ID: r.ID, ExecID: r.ExecID}); err != nil && ctx.Err() == nil {
		log.G(ctx).WithError(err).Debug("taking away a program that has ended")
	}
}

// hangUp tells a program that still runs, and what it has started, that nobody is
// there any more.
func (s *service) hangUp(ctx context.Context, r *taskapi.StartRequest) {
	st, err := s.TTRPCTaskService.State(ctx, &taskapi.StateRequest{ID: r.ID, ExecID: r.ExecID})
	if err == nil && st.Status != task.Status_STOPPED && st.Pid > 1 {
		// Of a terminal the inner service lets go when there is no more input.
		_, _ = s.TTRPCTaskService.CloseIO(ctx, &taskapi.CloseIORequest{ID: r.ID, ExecID: r.ExecID, Stdin: true})
		_ = unix.Kill(-int(st.Pid), unix.SIGHUP) // runc begins a session for it
	}
}

// execFiles are the FIFOs as the program gets them. in is nil for none.
type execFiles struct{ in, out, err *os.File }

// open fails when who is to read or write is gone.
func (e execStreams) open() (execFiles, error) {
	var f execFiles
	var err error
	for _, one := range []struct {
		path string
		how  int
		to   **os.File
	}{{e.in, unix.O_RDONLY, &f.in}, {e.out, unix.O_WRONLY, &f.out}, {e.err, unix.O_WRONLY, &f.err}} {
		if one.path == "" && one.to == &f.in {
			continue
		}
		if *one.to, err = openBlocking(cmp.Or(one.path, os.DevNull), one.how); err != nil {
			return f, errors.Join(err, f.close())
		}
	}
	return f, nil
}

// openBlocking opens a FIFO without waiting for the other side, but so that reading
// and writing wait, as programs expect.
func openBlocking(path string, how int) (*os.File, error) {
	fd, err := unix.Open(path, how|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), path), nil
}

func (f execFiles) close() error {
	return errors.Join(closeFile(f.in), closeFile(f.out), closeFile(f.err))
}

func closeFile(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
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
