package daemon

import (
	"fmt"
	"time"
)

// IdleVariable names the environment variable that says for how long nobody has to
// use a buildkitd for it to be ended, "10m".
const IdleVariable = "GOCOMPOSE_BUILDER_IDLE"

// defaultIdle is for who edits and builds, and edits again.
const defaultIdle = 5 * time.Minute

// IdleTime returns what the environment says of that.
func IdleTime(getenv func(string) string) (time.Duration, error) {
	text := getenv(IdleVariable)
	if text == "" {
		return defaultIdle, nil
	}
	idle, err := time.ParseDuration(text)
	if err != nil || idle <= 0 {
		return 0, fmt.Errorf("%s=%s: not a time such as 10m or 30s", IdleVariable, text)
	}
	return idle, nil
}
