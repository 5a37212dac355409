// Package state is the record that a shim keeps of a container's last run.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gocompose/gocompose/internal/atomicfile"
)

// State is the last run of a container. If the shim died before the container
// was seen to exit, Running stays set until the engine has cleaned up: who
// needs to be sure asks the engine too.
type State struct {
	Running   bool      `json:"running"`
	Pid       int       `json:"pid"` // of the first process, in the host's PID namespace
	StartedAt time.Time `json:"startedAt"`
	// ExitedAt and ExitCode are zero while Running. The code of a process that
	// a signal ended is 128 + the signal's number.
	ExitedAt time.Time `json:"exitedAt,omitzero"`
	ExitCode int       `json:"exitCode"`
	// OOMKilled is set if the kernel has killed a process of the container for
	// want of memory.
	OOMKilled bool `json:"oomKilled"`
}

// FileName is the name of the record in a container's folder.
const FileName = "state.json"

// Read returns the record in a container's folder. The error is fs.ErrNotExist
// if the container has never been started.
func Read(dir string) (State, error) {
	path := filepath.Join(dir, FileName)
	data, err := os.ReadFile(path)
	if err == nil && len(data) == 0 { // not yet on disk when the power went
		err = &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
	}
	if err != nil {
		return State{}, fmt.Errorf("reading container state: %w", err)
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, fmt.Errorf("reading container state: %s: %w", path, err)
	}
	return s, nil
}

// Write replaces the record in a container's folder, which must exist. Readers
// see all of the old or all of the new.
func Write(dir string, s State) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing container state: %w", err)
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing container state: %w", err) // removed: leave no trace
	}
	if err := atomicfile.Write(filepath.Join(dir, FileName), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing container state: %w", err)
	}
	return nil
}
