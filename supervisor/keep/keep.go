// Package keep has the records of the containers that are to be kept running:
// those that the user has started, that have a restart policy, and that nobody
// has stopped since.
//
// Who starts a container for the user writes its record before the process is
// started; who stops or removes one removes it before the signal is sent. The
// supervisor has its restarts counted there, and the record removed when the
// policy says that it is enough. Whoever writes or removes one holds the
// container's lock meanwhile: the supervisor leaves that to its Runtime. A
// reboot ends all of them.
package keep

import (
	"time"

	"github.com/gocompose/gocompose/internal/jsondir"
	"github.com/gocompose/gocompose/networks/endpoint"
)

// Record says that a container is to be kept running.
type Record struct {
	ID string `json:"id"`
	// Since is when the user started it, and Before when the run before that had
	// begun; zero: there was none.
	Since  time.Time `json:"since"`
	Before time.Time `json:"before,omitzero"`
	// Restarts are the starts by the supervisor since then; Attempts those that
	// count towards project.Restart.MaxAttempts.
	Restarts int `json:"restarts"`
	Attempts int `json:"attempts"`
	// Delay is what was waited before the last of them, from which the next
	// delay is reckoned.
	Delay time.Duration `json:"delay"`
}

// Covers tells whether a run that began at a time is of the user's start that the
// record is of, or of a restart since. If the last run is not, the user has just
// begun, or was cut short. The clock may have been set meanwhile.
func (r Record) Covers(startedAt time.Time) bool {
	return !startedAt.IsZero() && !startedAt.Equal(r.Before)
}

// In returns the records in the folder dir: one a container ID.
func In(dir string) jsondir.Dir[Record] {
	return jsondir.Dir[Record]{Path: dir, Check: endpoint.CheckID}
}
