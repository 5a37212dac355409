package planner

import (
	"time"

	"github.com/gocompose/gocompose/project"
)

// Verb is what an operation does. With the target it names a step.
type Verb string

const (
	VerbCreate Verb = "create"
	VerbRemove Verb = "remove"
	VerbStart  Verb = "start"
	VerbStop   Verb = "stop"
	VerbPull   Verb = "pull"
	VerbPush   Verb = "push"
	VerbVerify Verb = "verify"
	VerbBuild  Verb = "build"

	VerbKill    Verb = "kill"
	VerbPause   Verb = "pause"
	VerbUnpause Verb = "unpause"
	// A container can be waited for in several ways in one plan.
	VerbAwaitHealthy   Verb = "await-healthy"
	VerbAwaitCompleted Verb = "await-completed"
	VerbAwaitReady     Verb = "await-ready"

	VerbPreStart  Verb = "pre-start"
	VerbPostStart Verb = "post-start"
	VerbPreStop   Verb = "pre-stop"

	VerbUp   Verb = "up"
	VerbDown Verb = "down"
)

// Op is one operation on one resource: a value that says everything the
// executor needs to know, and can do nothing by itself.
//
// The set of operations is closed. Code that handles them switches on the
// concrete type; TestEveryOpIsHandled holds the switches to it.
type Op interface {
	Verb() Verb
	Target() project.ID
	op()
}

type (
	// CreateNetwork makes a network, or finds it made.
	CreateNetwork struct{ Network project.Network }
	// RemoveNetwork takes a network away. One that still has endpoints stays:
	// that is an error of the step.
	RemoveNetwork struct{ Network project.Network }
	// CreateVolume makes a volume, or finds it made.
	CreateVolume struct{ Volume project.Volume }
	// RemoveVolume destroys a volume and its data.
	RemoveVolume struct{ Volume project.Volume }
	// PullImage fetches and unpacks an image, for a platform or the host's own.
	PullImage struct {
		Ref, Platform string
		// Optional: that it fails is a warning, and no error of the plan.
		Optional bool
	}
	// VerifyImage sees whether an image is signed as all of the policies ask for: the one
	// that is on the host or, with Remote, the one that would be pulled now.
	VerifyImage struct {
		Ref, Platform string
		Policies      []project.Verify
		Remote        bool
	}
	// BuildImage makes an image, for a platform or the host's own, from sources, as its
	// build says.
	BuildImage struct {
		Ref, Platform string
		Service       string // whose image it is; the first, when several have it
		Build         project.Build
		Images        map[string]string // of the services whose images are contexts of it
		// Unless are names: when all of them are here by then, nothing is built.
		Unless []string
	}
	// PushImage sends an image to its registry: all of it that is there, or what there
	// is for a platform.
	PushImage struct {
		Ref, Platform string
		Optional      bool // as with PullImage
	}
	// RemoveImage takes a name of an image away, and with its last name the image. An
	// image that a container has, whether it runs or not, stays then unless Used: that is an
	// error of the step.
	RemoveImage struct {
		Ref  string // as the host has it: a name, or of an image without one its ID
		Used bool
	}

	// CreateContainer makes a container whose runtime identifier is ID. The
	// planner picks it, so no step waits for a result of another. Its networks
	// need not be there: it is attached when it is started.
	CreateContainer struct {
		ID   string
		Spec project.Container
		// Inherit maps mount targets to the anonymous volumes that the
		// replaced container leaves to this one. Targets where this one has
		// no anonymous volume, of its own or of its image, do not count.
		Inherit map[string]string
	}
	// StartContainer runs a created or stopped container. When it returns the
	// container's process has been started, on all its networks, with its names
	// and ports in place.
	StartContainer struct{ Container Ref }
	// StopContainer sends the stop signal, waits at most Grace (below zero: for
	// ever), then kills.
	StopContainer struct {
		Container Ref
		Grace     time.Duration
	}
	// RemoveContainer takes away a container that does not run, with its logs.
	// Volumes stay.
	RemoveContainer struct{ Container Ref }

	// AwaitContainer waits until a container that has been started is what
	// Until says, and fails when it cannot become that any more.
	AwaitContainer struct {
		Container Ref
		// Until is project.Healthy, project.Completed or project.Ready.
		Until project.Condition
		// Optional: that it fails is a warning, and no error of the plan.
		Optional bool
	}
	// KillContainer sends Signal ("SIGHUP", "HUP", "1") to a container's process.
	KillContainer struct {
		Container Ref
		Signal    string
	}
	// PauseContainer freezes a running container, UnpauseContainer lets it go
	// on.
	PauseContainer   struct{ Container Ref }
	UnpauseContainer struct{ Container Ref }

	// RunHooks runs the commands that the container's own specification has for
	// a moment, in the container, one after the other; At is project.AfterStart or
	// project.BeforeStop.
	RunHooks struct {
		Container Ref
		At        project.Moment
	}
	// RunInits runs containers one after the other to their end, and takes each
	// away, before Of is started: a service, or one of its replicas.
	RunInits struct {
		Of    project.ID
		Name  string // of Of, as people see it
		Inits []Init
	}
	// RunProvider has a provider do something.
	RunProvider struct {
		Provider project.Provider
		Action   project.ProviderAction
	}
)

// Init is a container that runs to its end.
type Init struct {
	ID   string
	Spec project.Container
}

// Ref names a container that exists or will exist.
type Ref struct {
	ID     string     // the runtime's identifier
	Name   string     // unique on the host, as people see it
	Target project.ID // what it is in the plan: "container/web-1"
}

func (CreateNetwork) Verb() Verb    { return VerbCreate }
func (RemoveNetwork) Verb() Verb    { return VerbRemove }
func (CreateVolume) Verb() Verb     { return VerbCreate }
func (RemoveVolume) Verb() Verb     { return VerbRemove }
func (PullImage) Verb() Verb        { return VerbPull }
func (VerifyImage) Verb() Verb      { return VerbVerify }
func (PushImage) Verb() Verb        { return VerbPush }
func (BuildImage) Verb() Verb       { return VerbBuild }
func (RemoveImage) Verb() Verb      { return VerbRemove }
func (CreateContainer) Verb() Verb  { return VerbCreate }
func (StartContainer) Verb() Verb   { return VerbStart }
func (StopContainer) Verb() Verb    { return VerbStop }
func (RemoveContainer) Verb() Verb  { return VerbRemove }
func (KillContainer) Verb() Verb    { return VerbKill }
func (PauseContainer) Verb() Verb   { return VerbPause }
func (UnpauseContainer) Verb() Verb { return VerbUnpause }

// Verb tells what is waited for, so that each wait is a step of its own.
func (o AwaitContainer) Verb() Verb {
	switch o.Until {
	case project.Healthy:
		return VerbAwaitHealthy
	case project.Completed:
		return VerbAwaitCompleted
	default:
		return VerbAwaitReady
	}
}

func (RunInits) Verb() Verb { return VerbPreStart }

// Verb tells the action.
func (o RunProvider) Verb() Verb {
	if o.Action == project.ProviderDown {
		return VerbDown
	}
	return VerbUp
}

// Verb tells the moment.
func (o RunHooks) Verb() Verb {
	if o.At == project.BeforeStop {
		return VerbPreStop
	}
	return VerbPostStart
}

func (o CreateNetwork) Target() project.ID    { return o.Network.ID() }
func (o RemoveNetwork) Target() project.ID    { return o.Network.ID() }
func (o CreateVolume) Target() project.ID     { return o.Volume.ID() }
func (o RemoveVolume) Target() project.ID     { return o.Volume.ID() }
func (o PullImage) Target() project.ID        { return o.Image().ID() }
func (o PushImage) Target() project.ID        { return o.Image().ID() }
func (o BuildImage) Target() project.ID       { return o.Image().ID() }
func (o RemoveImage) Target() project.ID      { return project.Image{Ref: o.Ref}.ID() }
func (o VerifyImage) Target() project.ID      { return o.Image().ID() }
func (o CreateContainer) Target() project.ID  { return o.Spec.ID() }
func (o StartContainer) Target() project.ID   { return o.Container.Target }
func (o StopContainer) Target() project.ID    { return o.Container.Target }
func (o RemoveContainer) Target() project.ID  { return o.Container.Target }
func (o AwaitContainer) Target() project.ID   { return o.Container.Target }
func (o KillContainer) Target() project.ID    { return o.Container.Target }
func (o PauseContainer) Target() project.ID   { return o.Container.Target }
func (o UnpauseContainer) Target() project.ID { return o.Container.Target }
func (o RunHooks) Target() project.ID         { return o.Container.Target }
func (o RunInits) Target() project.ID         { return o.Of }
func (o RunProvider) Target() project.ID      { return o.Provider.ID() }

// Image is what is pulled.
func (o PullImage) Image() project.Image { return project.Image{Ref: o.Ref, Platform: o.Platform} }

// Image is what has to be signed.
func (o VerifyImage) Image() project.Image { return project.Image{Ref: o.Ref, Platform: o.Platform} }

// Image is what is pushed.
func (o PushImage) Image() project.Image { return project.Image{Ref: o.Ref, Platform: o.Platform} }

// Image is what is built.
func (o BuildImage) Image() project.Image { return project.Image{Ref: o.Ref, Platform: o.Platform} }

// Refs are all names of what is built.
func (o BuildImage) Refs() []string {
	return project.Service{Build: &o.Build, Template: project.Container{Image: o.Ref}}.Refs()
}

func pullImage(i project.Image) PullImage { return PullImage{Ref: i.Ref, Platform: i.Platform} }

func (CreateNetwork) op()    {}
func (RemoveNetwork) op()    {}
func (CreateVolume) op()     {}
func (RemoveVolume) op()     {}
func (PullImage) op()        {}
func (PushImage) op()        {}
func (VerifyImage) op()      {}
func (BuildImage) op()       {}
func (RemoveImage) op()      {}
func (CreateContainer) op()  {}
func (StartContainer) op()   {}
func (StopContainer) op()    {}
func (RemoveContainer) op()  {}
func (AwaitContainer) op()   {}
func (KillContainer) op()    {}
func (PauseContainer) op()   {}
func (UnpauseContainer) op() {}
func (RunHooks) op()         {}
func (RunInits) op()         {}
func (RunProvider) op()      {}
