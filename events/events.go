// Package events is the journal of what has happened to containers: whoever does
// something to one, or sees it, adds a line.
package events

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/gocompose/gocompose/internal/atomicfile"
)

// Action is what has happened, in Docker's words.
type Action string

// The actions.
const (
	Create  Action = "create"
	Start   Action = "start"
	Restart Action = "restart" // stopped and started again by one command
	Pause   Action = "pause"
	Unpause Action = "unpause"
	Kill    Action = "kill" // it was sent a signal
	OOM     Action = "oom"
	Die     Action = "die"
	Stop    Action = "stop"
	Destroy Action = "destroy"
	ExecDie Action = "exec_die"
)

// Health is that it has become healthy or unhealthy.
func Health(status string) Action { return Action("health_status: " + status) }

// ExecCreate and ExecStart are that another program is about to run in it, or does.
func ExecCreate(command string) Action { return Action("exec_create: " + command) }

// ExecStart is described at ExecCreate.
func ExecStart(command string) Action { return Action("exec_start: " + command) }

// Names of attributes, Docker's.
const (
	Name         = "name"
	Image        = "image"
	Signal       = "signal"
	ExitCode     = "exitCode"
	ExecDuration = "execDuration" // seconds that the process ran for
	ExecID       = "execID"
)

// Event is one thing that has happened to a container.
type Event struct {
	Time       time.Time         `json:"time"` // first: see parse
	Project    string            `json:"project"`
	Service    string            `json:"service"`
	OneOff     bool              `json:"oneOff,omitempty"` // the container is one of `run`
	ID         string            `json:"id"`
	Action     Action            `json:"action"`
	Attributes map[string]string `json:"attributes"`
}

// Subject is what all events of a container say of it.
type Subject struct {
	ID      string            `json:"id"`
	Project string            `json:"project"`
	Service string            `json:"service"`
	OneOff  bool              `json:"oneOff,omitempty"`
	Name    string            `json:"name"`
	Image   string            `json:"image"`
	Labels  map[string]string `json:"labels,omitempty"` // the user's
}

// subjectFile is where it is kept in the container's folder.
const subjectFile = "subject.json"

// Keep writes the subject into the container's folder, where those find it who
// know no more of a container than that.
func (s Subject) Keep(dir string) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, subjectFile), append(b, '\n'), 0o600)
}

// Kept returns what Keep wrote into a container's folder. The error is
// fs.ErrNotExist for a container without events.
func Kept(dir string) (Subject, error) {
	path := filepath.Join(dir, subjectFile)
	b, err := os.ReadFile(path)
	if err == nil && len(b) == 0 { // not yet on disk when the power went
		err = &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
	}
	if err != nil {
		return Subject{}, err
	}
	var s Subject
	return s, json.Unmarshal(b, &s)
}

// IsKept tells whether there is a subject in a container's folder.
func IsKept(dir string) bool {
	_, err := Kept(dir)
	return !errors.Is(err, fs.ErrNotExist)
}

// Event returns that something has happened to the container, with attributes
// beside its own: name, value, name, value.
func (s Subject) Event(at time.Time, what Action, more ...string) Event {
	attributes := map[string]string{}
	maps.Copy(attributes, s.Labels)
	attributes[Name], attributes[Image] = s.Name, s.Image
	for i := 0; i+1 < len(more); i += 2 {
		attributes[more[i]] = more[i+1]
	}
	return Event{at, s.Project, s.Service, s.OneOff, s.ID, what, attributes}
}
