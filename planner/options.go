package planner

import (
	"time"

	"github.com/gocompose/gocompose/project"
)

// Options are the user's wishes that are not part of the project. What a
// function does not name it ignores.
type Options struct {
	// Nonce marks the containers of this run (Up, Start, Restart): letters and digits, at
	// most 16. The planner could not make one: it has no clock and no dice.
	// No two runs may share it.
	Nonce string

	// Selected are the services named by the user; none means all. Up
	// recreates only these by force (the project says what is brought up) and
	// waits for them, Down takes them and those that need them, Start them and
	// those they need, Restart them and those that follow them, the others
	// only them.
	Selected []string
	// Only are the IDs of the containers that are meant, of those of the services
	// selected and those of `run` (Remove, Stop, Kill); nil: all of them.
	Only []string

	Recreate       RecreatePolicy // Up
	RemoveOrphans  bool           // Up, Down, Kill
	NoStart        bool           // Up: create, replace and remove only; what ran on a replaced network runs again
	RenewAnonymous bool           // Up: replacements get fresh anonymous volumes
	Volumes        bool           // Down: volumes too; Remove: the anonymous ones
	Wait           bool           // Up, Start: until the selected are project.Ready
	NoDeps         bool           // Restart: no service follows, and none is waited for
	Stop           bool           // Remove: what runs is stopped first, and removed too
	Signal         string         // Kill; empty: SIGKILL
	Timeout        *time.Duration // what stops: instead of each container's grace; below zero: for ever
	IgnoreOrphans  bool           // Up: say nothing about orphans
	NoHooks        bool           // Stop: no pre_stop is run
	Lenient        bool           // PullServices, PushServices: that an image fails is a warning
	NoBuilt        bool           // PullServices: not the images that can be built
	Images         ImagesPolicy   // Down: which images go too
	OneOffs        bool           // Stop: those of `run` too

	// Pull is the policy in place of those of the services; nil: theirs. Now is the
	// time, for those that go by it. Both are for Refresh, Pull also for Up and PullServices.
	Pull *project.PullPolicy
	Now  time.Time
	// Build says which images are built (Refresh, Up).
	Build BuildPolicy
	// Push has what is built sent to registries too, where the files name it (BuildServices).
	Push bool
	// Redefined says what becomes of the volumes that ChangedVolumes returns, by
	// name (Up).
	Redefined map[string]VolumePolicy
}

// RecreatePolicy says when a container that is there is replaced.
type RecreatePolicy string

const (
	RecreateChanged  RecreatePolicy = ""         // when its specification or image differs
	RecreateNever    RecreatePolicy = "never"    // --no-recreate
	RecreateSelected RecreatePolicy = "selected" // --force-recreate: the selected always, others when changed
	RecreateAll      RecreatePolicy = "all"      // --force-recreate --always-recreate-deps
	// --always-recreate-deps: what is not selected always, the selected when
	// changed. Where none is selected nothing is forced.
	RecreateDependencies RecreatePolicy = "dependencies"
)

// BuildPolicy says when the image of a service that has a build is built.
type BuildPolicy string

const (
	BuildMissing BuildPolicy = ""       // when it is not here and cannot be pulled, and with pull_policy: build
	BuildAlways  BuildPolicy = "always" // --build
	BuildNever   BuildPolicy = "never"  // --no-build: what the build says does not count
)

// VolumePolicy says what becomes of a volume that was made by another definition.
type VolumePolicy string

const (
	VolumeRefused VolumePolicy = ""        // it is a conflict
	VolumeKept    VolumePolicy = "keep"    // as it is, with its data
	VolumeAnew    VolumePolicy = "replace" // all of its data is lost
)

// ImagesPolicy says which images of its services go with a project.
type ImagesPolicy string

const (
	ImagesStay  ImagesPolicy = ""
	ImagesLocal ImagesPolicy = "local" // those that have no name of the user's
	ImagesAll   ImagesPolicy = "all"
)
