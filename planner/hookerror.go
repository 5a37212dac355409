package planner

import (
	"fmt"

	"github.com/gocompose/gocompose/project"
)

// HookError says that a command of a hook has failed, or a container of pre_start.
type HookError struct {
	At        project.Moment
	Service   string
	Container string // whose hook it is; of pre_start, the name of its own container
	// ExitCode of a command that could not be run is 126 or 127, as a shell has it,
	// or -1.
	ExitCode int
	// Output are the last lines that it printed, for people.
	Output []string
}

// Error says what failed, what that means, and what to do; without Output.
func (e *HookError) Error() string {
	switch e.At {
	case project.BeforeStop:
		return fmt.Sprintf("pre_stop hook of %s exited with status %d, so it was not stopped: correct what the hook fails at, "+
			"or end the container without it: gocompose kill %s", e.Container, e.ExitCode, e.Service)
	case project.AfterStart:
		return fmt.Sprintf("post_start hook of %s exited with status %d: the container runs; correct the hook, or what it needs, "+
			"and the next up runs it again", e.Container, e.ExitCode)
	default:
		return fmt.Sprintf("pre_start container %s exited with status %d, so service %s was not started: correct what it fails at, "+
			"and start it again", e.Container, e.ExitCode, e.Service)
	}
}
