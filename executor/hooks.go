package executor

import (
	"context"
	"errors"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// runInits runs containers to their end, one after the other.
func runInits(ctx context.Context, b Backend, list []planner.Init) error {
	for _, init := range list {
		if err := runInit(ctx, b, init); err != nil {
			return err
		}
	}
	return nil
}

// runInit runs one, and takes it away however it went, and also when ctx ends.
func runInit(ctx context.Context, b Backend, init planner.Init) (err error) {
	defer func() {
		ctx := context.WithoutCancel(ctx)
		gone := b.StopContainer(ctx, init.ID, 0)
		if gone == nil {
			gone = b.RemoveContainer(ctx, init.ID)
		}
		err = errors.Join(err, gone)
	}()
	if err := b.CreateContainer(ctx, init.ID, init.Spec, nil); err != nil {
		return err
	}
	if err := b.StartContainer(ctx, init.ID); err != nil {
		return err
	}
	err = b.AwaitContainer(ctx, init.ID, project.Completed)
	var why *planner.AwaitError
	if errors.As(err, &why) && why.Exited {
		return &planner.HookError{
			At: project.BeforeStart, Service: init.Spec.Service, Container: init.Spec.Name,
			ExitCode: why.ExitCode, Output: why.Output,
		}
	}
	return err
}
