package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
)

// Terminal is where a program runs that looks at a failed step.
type Terminal struct {
	Command        []string // empty: a shell
	TTY            bool
	Stdin          io.ReadCloser // nil: none
	Stdout, Stderr io.WriteCloser
	Size           <-chan Size // of the terminal, when it changes; nil: it does not
}

// Size of a terminal, in characters.
type Size struct{ Rows, Columns int }

// Debug is Build, but that the first step that fails is stopped at: open is told of the
// failure and says where a program is to run, in a container as it was before that step.
// What it changes is lost. The failure is returned after.
func (c *Client) Debug(ctx context.Context, r Request, open func(*Failure) (Terminal, error)) (Result, error) {
	return c.build(ctx, r, func(ctx context.Context, g gateway.Client, s *solve, seen *steps) (*gateway.Result, error) {
		request, err := s.ask(ctx, g)
		if err != nil {
			return nil, err
		}
		request.Evaluate = true
		result, err := g.Solve(ctx, request)
		if err == nil || ctx.Err() != nil {
			return result, err
		}
		var failed *errdefs.SolveError
		if !errors.As(err, &failed) {
			return nil, err
		}
		before, program, ok := stateBefore(failed.Solve)
		if !ok {
			return nil, err
		}
		seen.await(ctx, err)
		seen.looked = true
		t, openErr := open(seen.failure(err))
		switch {
		case errors.Is(openErr, err): // nobody is to look at it
			seen.looked = false
			return nil, err
		case openErr != nil:
			return nil, openErr
		}
		if lookErr := look(ctx, g, before, program, t); lookErr != nil {
			return nil, fmt.Errorf("looking at the failed step of service %s: %w", r.Service, lookErr)
		}
		seen.cause = err
		return nil, err
	})
}

// stateBefore is what a failed step began with. Of a RUN that is all that it has mounted and
// how it runs; of another its files alone. ok is false when there was nothing yet.
func stateBefore(failed *errdefs.Solve) (container gateway.NewContainerRequest, program gateway.StartRequest, ok bool) {
	program = gateway.StartRequest{Args: []string{"/bin/sh"}, Env: []string{defaultPath}, Cwd: "/"}
	exec := failed.Op.GetExec()
	if exec == nil {
		id := filesBefore(failed)
		container.Mounts = []gateway.Mount{{Dest: pb.RootMount, ResultID: id}}
		container.Platform = failed.Op.GetPlatform()
		return container, program, id != ""
	}
	meta := exec.Meta
	container = gateway.NewContainerRequest{
		Hostname: meta.Hostname, NetMode: exec.Network, ExtraHosts: meta.ExtraHosts,
		Platform: failed.Op.GetPlatform(), Constraints: failed.Op.GetConstraints(),
	}
	for _, m := range exec.Mounts {
		mount := gateway.Mount{
			Selector: m.Selector, Dest: m.Dest, Readonly: m.Readonly, MountType: m.MountType,
			CacheOpt: m.CacheOpt, SecretOpt: m.SecretOpt, SSHOpt: m.SSHOpt,
		}
		if m.Input >= 0 && int(m.Input) < len(failed.InputIDs) {
			mount.ResultID = failed.InputIDs[m.Input]
		}
		ok = ok || m.Dest == pb.RootMount && mount.ResultID != ""
		container.Mounts = append(container.Mounts, mount)
	}
	program.Env, program.User, program.Cwd = meta.Env, meta.User, meta.Cwd
	program.SecretEnv, program.SecurityMode = exec.Secretenv, exec.Security
	program.Args = shell(meta.Args)
	return container, program, ok
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// filesBefore finds what a step of files, as COPY is, began with: the input of the first of
// the actions on which the failed one builds.
func filesBefore(failed *errdefs.Solve) string {
	file := failed.Op.GetFile()
	subject, ok := failed.Subject.(*errdefs.Solve_File)
	if file == nil || !ok || int(subject.File.Index) >= len(file.Actions) {
		return "" // what it was to copy is not there
	}
	at := file.Actions[subject.File.Index]
	inputs := len(failed.Op.Inputs)
	for int(at.Input) >= inputs && int(at.Input)-inputs < len(file.Actions) {
		at = file.Actions[int(at.Input)-inputs]
	}
	if at.Input < 0 || int(at.Input) >= len(failed.InputIDs) {
		return "" // it is the first of FROM scratch, or its input is not there
	}
	return failed.InputIDs[at.Input]
}

// shell is the one that the instruction itself was run by.
func shell(args []string) []string {
	if i := slices.Index(args, "-c"); i > 0 && i == len(args)-2 {
		return args[:1]
	}
	return []string{"/bin/sh"}
}

// look runs the program until its end. Its exit code is the user's own.
func look(ctx context.Context, g gateway.Client, before gateway.NewContainerRequest, program gateway.StartRequest, t Terminal) (err error) {
	container, err := g.NewContainer(ctx, before)
	if err != nil {
		return err
	}
	var exit *gatewaypb.ExitError
	defer func() {
		released := container.Release(context.WithoutCancel(ctx))
		if exit != nil && released != nil && strings.Contains(released.Error(), exit.Error()) {
			released = nil // of the container that is told again
		}
		err = errors.Join(err, released)
	}()
	if len(t.Command) > 0 {
		program.Args = t.Command
	}
	program.Tty, program.Stdin, program.Stdout, program.Stderr = t.TTY, t.Stdin, t.Stdout, t.Stderr
	process, err := container.Start(ctx, program)
	if err != nil {
		return err
	}
	ended, resizing := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(resizing)
		resize(ctx, process, t.Size, ended)
	}()
	err = process.Wait()
	close(ended)
	<-resizing
	if errors.As(err, &exit) && exit.ExitCode < gatewaypb.UnknownExitStatus {
		return nil
	}
	return err
}

func resize(ctx context.Context, process gateway.ContainerProcess, sizes <-chan Size, ended <-chan struct{}) {
	for {
		select {
		case size, ok := <-sizes:
			if !ok {
				return
			}
			_ = process.Resize(ctx, gateway.WinSize{Rows: uint32(size.Rows), Cols: uint32(size.Columns)}) // it may have ended
		case <-ended:
			return
		}
	}
}

// await waits until the status of the failed step has come too, which takes another way
// than the error does. It can be lost, so there is an end to that.
func (s *steps) await(ctx context.Context, err error) {
	var at *errdefs.VertexError
	if !errors.As(err, &at) {
		return
	}
	deadline := time.NewTimer(2 * time.Second)
	defer deadline.Stop()
	for {
		seen, changed := s.heardOf(at.Digest)
		if seen {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-deadline.C:
			return
		}
	}
}
