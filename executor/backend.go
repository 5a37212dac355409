// Package executor carries out plans. It decides nothing: what happens, in
// what order, is in the plan.
package executor

import (
	"context"
	"errors"
	"time"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// Backend is everything a plan can act on. Each call means "ensure": doing what
// is done already is no error, and what ended half-way can be repeated. A call
// whose context ends returns with the world in a state from which a repeated
// call succeeds.
type Backend interface {
	Networks
	Volumes
	Images
	Containers
	Providers
}

type (
	Networks interface {
		CreateNetwork(context.Context, project.Network) error
		// RemoveNetwork fails while a container that runs is on the network. Those
		// that do not run belong to it all the same, and are attached to whatever
		// network of that name there is when they are started.
		RemoveNetwork(context.Context, project.Network) error
	}
	Volumes interface {
		CreateVolume(context.Context, project.Volume) error
		RemoveVolume(context.Context, project.Volume) error
	}
	Images interface {
		// PullImage fetches an image and unpacks it, also one that is there: its name
		// may stand for another now. Progress may be called from any goroutine.
		PullImage(ctx context.Context, image project.Image, progress func(Progress)) error
		// VerifyImage fails when the image is not signed as all the policies ask for, and
		// when that cannot be told. Once it has succeeded it need not be asked again for what
		// the name stands for.
		VerifyImage(ctx context.Context, op planner.VerifyImage) error
		// PushImage sends an image to its registry, which keeps it under its name. What
		// the registry has is not sent again. Progress is as with PullImage.
		PushImage(ctx context.Context, image project.Image, progress func(Progress)) error
		// BuildImage makes an image from sources, under all its names, also one that is
		// there, unless op.Unless says no. What it begins with is here or elsewhere.
		BuildImage(ctx context.Context, op planner.BuildImage) error
		// RemoveImage takes a name away. What containers are made of stays as long as
		// they do, and so does the name, unless Used says that it goes.
		RemoveImage(ctx context.Context, op planner.RemoveImage) error
	}
	Containers interface {
		// CreateContainer makes a container of that identifier; one that is
		// there with the same specification is it. Inherit is as in
		// planner.CreateContainer. Its networks need not be there.
		CreateContainer(ctx context.Context, id string, spec project.Container, inherit map[string]string) error
		// StartContainer fails when one of the container's networks is not there,
		// when the one whose network namespace it shares does not run, and when a
		// fixed host port is held by anything but replicas of its service.
		StartContainer(ctx context.Context, id string) error
		StopContainer(ctx context.Context, id string, grace time.Duration) error
		// RemoveContainer takes the anonymous volumes away too that go with their
		// container (project.Container.TakesVolumes); others stay.
		RemoveContainer(ctx context.Context, id string) error

		// AwaitContainer returns when the container is what until says. When it
		// cannot become that any more, the error is a *planner.AwaitError.
		AwaitContainer(ctx context.Context, id string, until project.Condition) error
		// KillContainer sends a signal. SIGKILL and the container's stop signal
		// mean that the user wants it to end: it is not started again. The
		// error is ErrNotRunning when there is no process.
		KillContainer(ctx context.Context, id, signal string) error
		PauseContainer(ctx context.Context, id string) error
		UnpauseContainer(ctx context.Context, id string) error
		// RunHooks runs the commands of the container's specification for a moment,
		// and gives print each line of their output, from any goroutine. It ends with
		// ctx, and nothing of them goes on then. A command that fails is a
		// *planner.HookError and the last one that is run. Before a stop a paused
		// container is let go on, and of one that does not run there is nothing to run.
		RunHooks(ctx context.Context, id string, at project.Moment, print func(line string)) error
	}
	Providers interface {
		// RunProvider has a provider do something and gives print each line that it has
		// for the user, from any goroutine. It returns the variables, by the names that
		// dependents know them by, which up provides: the same ones each time. It ends
		// with ctx, and nothing of the program goes on then.
		RunProvider(ctx context.Context, p project.Provider, action project.ProviderAction, print func(line string)) (map[string]string, error)
	}
)

// ErrNotRunning: there is no process to send a signal to, or to pause.
var ErrNotRunning = errors.New("it is not running")
