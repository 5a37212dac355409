package planner

import (
	"fmt"

	"github.com/gocompose/gocompose/project"
)

// AwaitError says why a container cannot become any more what is waited for.
type AwaitError struct {
	Container string // its name
	Service   string
	Until     project.Condition
	// Exited: the process ended with ExitCode and is not started again.
	// Otherwise the container is unhealthy, or NoHealthcheck.
	Exited        bool
	ExitCode      int
	NoHealthcheck bool
	// Output are the last lines that the container printed, or, of one that is
	// unhealthy, its last probe: for people.
	Output []string
}

// Error returns docker compose's words, without Output.
func (e *AwaitError) Error() string {
	switch {
	case e.NoHealthcheck:
		return fmt.Sprintf("container %s has no healthcheck configured", e.Container)
	case e.Exited && e.Until == project.Completed:
		return fmt.Sprintf("service %q didn't complete successfully: exit %d", e.Service, e.ExitCode)
	case e.Exited:
		return fmt.Sprintf("container %s exited (%d)", e.Container, e.ExitCode)
	default:
		return fmt.Sprintf("container %s is unhealthy", e.Container)
	}
}
