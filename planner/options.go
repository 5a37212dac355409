package planner

import "time"

// Options are the user's wishes that are not part of the project. What a
// function does not name it ignores.
type Options struct {
	// Nonce marks the containers of this run (Up): letters and digits, at
	// most 16. The planner could not make one: it has no clock and no dice.
	// No two runs may share it.
	Nonce string

	// Selected are the services named by the user; none means all. Up
	// recreates only these by force (the project says what is brought up),
	// Down takes them and those that need them, Start them and those they
	// need, Stop only them.
	Selected []string

	Recreate       RecreatePolicy // Up
	RemoveOrphans  bool           // Up, Down
	NoStart        bool           // Up: create, replace and remove only
	RenewAnonymous bool           // Up: replacements get fresh anonymous volumes
	Volumes        bool           // Down: volumes too
	Timeout        *time.Duration // Up, Down, Stop: instead of each container's grace; below zero: for ever
	IgnoreOrphans  bool           // Up: say nothing about orphans
}

// RecreatePolicy says when a container that is there is replaced.
type RecreatePolicy string

const (
	RecreateChanged  RecreatePolicy = ""         // when its specification or image differs
	RecreateNever    RecreatePolicy = "never"    // --no-recreate
	RecreateSelected RecreatePolicy = "selected" // --force-recreate: the selected always, others when changed
	RecreateAll      RecreatePolicy = "all"      // --force-recreate --always-recreate-deps
)
