package project

import "time"

// RestartCondition says after which ends a container is started again.
type RestartCondition string

const (
	RestartNo            RestartCondition = "" // never
	RestartAlways        RestartCondition = "always"
	RestartOnFailure     RestartCondition = "on-failure"
	RestartUnlessStopped RestartCondition = "unless-stopped"
)

// Restart says what happens when a container's process ends without the user
// having asked for it. The zero value is: nothing.
//
// RestartAlways and RestartUnlessStopped differ after a reboot only: the first
// starts also what the user had stopped.
type Restart struct {
	Condition RestartCondition `json:"condition,omitempty"`
	// MaxAttempts bounds how often the container is started again; 0: no bound.
	MaxAttempts int `json:"maxAttempts,omitempty"`
	// Delay is waited before each start; 0: Docker's back-off, 100 ms doubling
	// up to a minute, from the beginning after a run of ten seconds.
	Delay time.Duration `json:"delay,omitempty"`
	// Window is how long a run must last to count as a success, after which the
	// attempts are counted from the beginning; 0: they never are.
	Window time.Duration `json:"window,omitempty"`
	// Unhealthy: a container that turns unhealthy is stopped and started again,
	// whatever Condition says.
	Unhealthy bool `json:"unhealthy,omitempty"`
}
