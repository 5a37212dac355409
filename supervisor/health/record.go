package health

import (
	"time"

	"github.com/gocompose/gocompose/internal/jsondir"
	"github.com/gocompose/gocompose/networks/endpoint"
)

// Record is what is kept of a container's health for the next supervisor. The
// supervisor writes it after each probe, and removes it when the container has
// ended for good; who removes a container removes its record too. One of
// another StartedAt than the container has is of an earlier run, and says
// nothing.
type Record struct {
	ID        string    `json:"id"`
	StartedAt time.Time `json:"startedAt"`
	Tracker
}

// In returns the records in the folder dir: one a container ID.
func In(dir string) jsondir.Dir[Record] {
	return jsondir.Dir[Record]{Path: dir, Check: endpoint.CheckID}
}
