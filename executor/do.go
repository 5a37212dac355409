package executor

import (
	"context"
	"fmt"

	"github.com/gocompose/gocompose/planner"
)

// reports are how a step under way tells how it goes.
type reports struct {
	progress func(Progress)
	print    func(line string)
	provided func(variables map[string]string)
}

// do is the one place where operations become calls.
func do(ctx context.Context, b Backend, op planner.Op, r reports) error {
	switch op := op.(type) {
	case planner.CreateNetwork:
		return b.CreateNetwork(ctx, op.Network)
	case planner.RemoveNetwork:
		return b.RemoveNetwork(ctx, op.Network)
	case planner.CreateVolume:
		return b.CreateVolume(ctx, op.Volume)
	case planner.RemoveVolume:
		return b.RemoveVolume(ctx, op.Volume)
	case planner.PullImage:
		return b.PullImage(ctx, op.Image(), r.progress)
	case planner.VerifyImage:
		return b.VerifyImage(ctx, op)
	case planner.PushImage:
		return b.PushImage(ctx, op.Image(), r.progress)
	case planner.BuildImage:
		return b.BuildImage(ctx, op)
	case planner.RemoveImage:
		return b.RemoveImage(ctx, op)
	case planner.CreateContainer:
		return b.CreateContainer(ctx, op.ID, op.Spec, op.Inherit)
	case planner.StartContainer:
		return b.StartContainer(ctx, op.Container.ID)
	case planner.StopContainer:
		return b.StopContainer(ctx, op.Container.ID, op.Grace)
	case planner.RemoveContainer:
		return b.RemoveContainer(ctx, op.Container.ID)
	case planner.AwaitContainer:
		return b.AwaitContainer(ctx, op.Container.ID, op.Until)
	case planner.KillContainer:
		return b.KillContainer(ctx, op.Container.ID, op.Signal)
	case planner.PauseContainer:
		return b.PauseContainer(ctx, op.Container.ID)
	case planner.UnpauseContainer:
		return b.UnpauseContainer(ctx, op.Container.ID)
	case planner.RunHooks:
		return b.RunHooks(ctx, op.Container.ID, op.At, r.print)
	case planner.RunInits:
		return runInits(ctx, b, op.Inits)
	case planner.RunProvider:
		variables, err := b.RunProvider(ctx, op.Provider, op.Action, r.print)
		if err == nil {
			r.provided(variables)
		}
		return err
	default:
		return fmt.Errorf("internal error: no way to do %T", op)
	}
}

// gerund says what a step was doing when it failed.
func gerund(v planner.Verb) string {
	switch v {
	case planner.VerbCreate:
		return "creating"
	case planner.VerbRemove:
		return "removing"
	case planner.VerbStart:
		return "starting"
	case planner.VerbStop:
		return "stopping"
	case planner.VerbPull:
		return "pulling"
	case planner.VerbVerify:
		return "verifying"
	case planner.VerbPush:
		return "pushing"
	case planner.VerbBuild:
		return "building"
	case planner.VerbKill:
		return "killing"
	case planner.VerbPause:
		return "pausing"
	case planner.VerbUnpause:
		return "unpausing"
	case planner.VerbAwaitHealthy, planner.VerbAwaitCompleted, planner.VerbAwaitReady:
		return "waiting for"
	case planner.VerbPreStart:
		return "running pre_start of"
	case planner.VerbPostStart:
		return "running post_start of"
	case planner.VerbPreStop:
		return "running pre_stop of"
	case planner.VerbUp:
		return "bringing up"
	case planner.VerbDown:
		return "taking down"
	default:
		return string(v)
	}
}

// optional tells whether a step that fails is a warning, and no error of the plan.
func optional(op planner.Op) bool {
	switch op := op.(type) {
	case planner.AwaitContainer:
		return op.Optional
	case planner.PullImage:
		return op.Optional
	case planner.PushImage:
		return op.Optional
	default:
		return false
	}
}
