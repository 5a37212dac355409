package view

import (
	"time"

	"github.com/docker/go-units"
)

// Ago says how long ago something was, in Docker's words: "2 minutes ago".
func Ago(d time.Duration) string { return units.HumanDuration(max(d, 0)) + " ago" }
