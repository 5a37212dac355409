package supervisor

import (
	"errors"
	"io/fs"
	"time"

	"github.com/gocompose/gocompose/internal/jsondir"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
)

// records are what outlives a supervisor: which containers are to be kept
// running, which others write, and what is known of their health.
type records struct {
	kept   jsondir.Dir[keep.Record]
	health jsondir.Dir[health.Record]
}

// readKept returns the container's record, nil when there is none.
func (r records) readKept(id string) (*keep.Record, error) {
	k, err := r.kept.Read(id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &k, nil
}

// readHealth returns what is known of the health of the run that began at the
// given time; nil when nothing is. What cannot be read is not known: the
// container is as if it had just started, and the record is replaced by the
// next one.
func (r records) readHealth(id string, started time.Time) *health.Tracker {
	k, err := r.health.Read(id)
	if err != nil || started.IsZero() || !k.StartedAt.Equal(started) {
		return nil
	}
	return &k.Tracker
}

func (r records) writeHealth(id string, k *checkup) error {
	return r.health.Write(id, health.Record{ID: id, StartedAt: k.run.StartedAt, Tracker: k.tracker})
}

// dropHealth removes what is known of the health of containers, but of those
// given.
func (r records) dropHealth(but map[string]bool) error {
	names, err := r.health.Names()
	failed := []error{err}
	for _, id := range names {
		if !but[id] {
			failed = append(failed, r.health.Remove(id))
		}
	}
	return errors.Join(failed...)
}
