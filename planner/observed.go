package planner

import (
	"time"

	"github.com/gocompose/gocompose/project"
)

// Observed is what is there. Adapters fill it in; the planner only reads it.
type Observed struct {
	Containers []Container // of the project, in any order
	// OneOffs are the containers of `run`, but for those that are left over.
	OneOffs []Container
	// Leftovers are containers that killed commands have left, and that are of no use
	// to anybody: those of pre_start, one-offs that were never started, and what was to
	// be removed when its process has ended, and nobody attends to it any more.
	Leftovers []Container
	Networks  []project.Network // those the project owns or wants, and project.DefaultBridge
	Volumes   []project.Volume  // the same, and the project's anonymous ones
	// Images maps images (project.Image.String) to the digest of the platform's
	// manifest. What is not in it is not on this host.
	Images map[string]string
	// Verified maps them to the digests of the policies (project.Verify.Digest) as which
	// they are known to be signed, or of which they are exempt.
	Verified map[string][]string
	// Pulled maps them to when their registry was asked last, or they were loaded.
	// Only Refresh asks for it.
	Pulled map[string]time.Time
	// Built maps the names of images that were built for the project to their services.
	// Only Down asks for it.
	Built map[string]string
	// Names maps container names that the project wants and that containers of
	// other projects have to those projects.
	Names map[string]string
	// Ports are the wanted host ports that something else holds.
	Ports []TakenPort
	// Used maps networks, volumes and images to the names of the containers of other
	// projects that use them, sorted: a network those that are on it, a volume or an
	// image those that have it. Down asks for it, and Up for the networks.
	Used map[project.ID][]string
	// Others are the containers that the project refers to by name, in
	// network_mode: container:…, external_links and volumes_from: container:…, of
	// whatever project: whether each runs. What is not in it is not there. Only Up
	// asks for it.
	Others map[string]bool
	// OtherIDs are the identifiers of the same.
	OtherIDs map[string]string
}

// TakenPort is a host port that cannot be published.
type TakenPort struct {
	Port   project.Port // as asked for; a range, when all of it is held
	Holder string       // who holds it, in words: "nginx (process 812)", "container blog-web-1"
}

// State is how far a container's life has come.
type State string

const (
	StateCreated State = "created" // never started
	StateRunning State = "running"
	StatePaused  State = "paused"
	StateExited  State = "exited"
	// StateRestarting: the process has ended, and the supervisor is going to
	// start it again.
	StateRestarting State = "restarting"
)

// Container is one container that exists.
type Container struct {
	ID    string // the runtime's identifier
	Spec  project.Container
	State State
	// ExitCode is that of the last run, while State is StateExited.
	ExitCode int
	// Stopped: the user stopped or killed it, and it was not started since.
	Stopped bool
	// CutOff: it runs in a namespace, of the network or of IPC, that it shared with
	// a container which is in another one now, or does not run: it is not reached by
	// anything, and reaches nothing.
	CutOff bool
	// HooksDue: its post_start has not been run to its end since the user started
	// it.
	HooksDue bool
	// ImageDigest is what Spec.Image was when the container was made.
	ImageDigest string
	// MountedImages maps the targets where images are mounted to what their digests
	// were then.
	MountedImages map[string]string
	// Anonymous maps mount targets to the names of the anonymous volumes there.
	Anonymous map[string]string
	// Taken are the mounts that it has taken over from other containers.
	Taken []project.Mount
}

// Running tells whether the container has a process, or is about to have one
// again without anybody asking for it: either way it must be stopped to be
// still.
func (c Container) Running() bool {
	return c.State == StateRunning || c.State == StatePaused || c.State == StateRestarting
}
