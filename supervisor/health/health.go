// Package health decides, from the results of probes, whether a container
// works, and when it is probed next. It decides without running anything and
// without a clock.
//
// The rules and numbers are those of Docker (moby, daemon/health.go), but for
// probes before their turn: while somebody waits for a container to become
// healthy, it is probed at once, and then more often than it asks to be. A
// success of these is one, a failure is none.
package health

import "time"

// Status is how a container is.
type Status string

const (
	Starting  Status = "starting"
	Healthy   Status = "healthy"
	Unhealthy Status = "unhealthy"
)

const (
	// MaxResults is how many results are kept.
	MaxResults = 5
	// MaxOutput is how much of a probe's output is kept, in bytes.
	MaxOutput = 4096
)

// Result is how one probe went.
type Result struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// ExitCode is 0 of a probe that found the container working, -1 of one
	// that could not be run or was ended because its time was over.
	ExitCode int    `json:"exitCode"`
	Output   string `json:"output,omitempty"`
}

// State is what is known of a container's health since its start.
type State struct {
	Status Status `json:"status"`
	// FailingStreak counts the failures that count, since the last success.
	FailingStreak int `json:"failingStreak"`
	// Results are the last ones, oldest first; at most MaxResults.
	Results []Result `json:"results,omitempty"`
}
