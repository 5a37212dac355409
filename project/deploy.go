package project

import "time"

// Update says how the containers of a service are replaced by others, or by those
// before: deploy.update_config and rollback_config.
type Update struct {
	// Parallelism is how many are replaced at a time; 0: all at once.
	Parallelism int `json:"parallelism,omitempty"`
	// Delay is waited between one lot and the next.
	Delay time.Duration `json:"delay,omitempty"`
	// OnFailure is done when more than MaxFailureRatio of the new ones, 0 to 1,
	// fail within Monitor of their start.
	OnFailure       FailureAction `json:"onFailure,omitempty"`
	Monitor         time.Duration `json:"monitor,omitempty"`
	MaxFailureRatio float64       `json:"maxFailureRatio,omitempty"`
	Order           UpdateOrder   `json:"order,omitempty"`
}

// FailureAction is what becomes of an update that fails.
type FailureAction string

const (
	PauseOnFailure    FailureAction = "" // what is replaced stays so, and nothing more is
	ContinueOnFailure FailureAction = "continue"
	RollBackOnFailure FailureAction = "rollback"
)

// UpdateOrder says which of two goes first.
type UpdateOrder string

const (
	StopFirst  UpdateOrder = "" // the old one is stopped before the new one is started
	StartFirst UpdateOrder = "start-first"
)
