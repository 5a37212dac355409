package planner

import (
	"fmt"
	"strings"

	"github.com/gocompose/gocompose/internal/near"
	"github.com/gocompose/gocompose/project"
)

// RefusedError says why no plan was made: everything that is wrong, found
// before anything is done.
type RefusedError struct {
	Problems []error // *Conflict, *CycleError, *NoSuchServiceError, …
}

// Error returns the problems, one a line.
func (e *RefusedError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the problems.
func (e *RefusedError) Unwrap() []error { return e.Problems }

// Conflict is something the project wants and cannot have.
type Conflict struct {
	Of   project.ID // what wants it
	Text string     // what stands against it, and what to do
}

func (e *Conflict) Error() string { return e.Of.String() + ": " + e.Text }

// NoSuchServiceError says that a service is not in the project.
type NoSuchServiceError struct {
	Name  string
	Known []string // those that are
}

// Error returns docker compose's words, and what was perhaps meant.
func (e *NoSuchServiceError) Error() string {
	return "no such service: " + e.Name + near.Question(e.Name, e.Known)
}

// ExternalMissingError says that a network or volume that the project counts
// on is not there.
type ExternalMissingError struct{ ID project.ID }

// Error returns docker compose's words, and what to do.
func (e *ExternalMissingError) Error() string {
	if e.ID.Kind == project.KindVolume {
		return fmt.Sprintf("external volume %q not found: make it with gocompose volume create %[1]s, or start the project that has it", e.ID.Name)
	}
	return fmt.Sprintf("network %s declared as external, but could not be found: make it with gocompose network create %[1]s, "+
		"or start the project that has it", e.ID.Name)
}

// NoContainerError says that a service cannot be started, for it has no
// container.
type NoContainerError struct{ Service string }

// Error returns docker compose's words.
func (e *NoContainerError) Error() string {
	return fmt.Sprintf("service %q has no container to start", e.Service)
}

// NotRunningError says that a service has no container that runs.
type NotRunningError struct{ Service string }

// Error returns docker compose's words.
func (e *NotRunningError) Error() string { return fmt.Sprintf("service %q is not running", e.Service) }

// ContainerStateError says that a container is in no state for what is asked.
type ContainerStateError struct {
	Container string // its name
	Is        string // "not running", "already paused", "not paused"
}

// Error returns the Docker engine's words.
func (e *ContainerStateError) Error() string { return "container " + e.Container + " is " + e.Is }

// problems collects what is wrong, each once.
type problems struct {
	list []error
	seen map[string]bool
}

func (p *problems) add(err error) {
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	if !p.seen[err.Error()] {
		p.seen[err.Error()] = true
		p.list = append(p.list, err)
	}
}

func (p *problems) conflict(of project.ID, format string, args ...any) {
	p.add(&Conflict{of, fmt.Sprintf(format, args...)})
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return &RefusedError{p.list}
}
