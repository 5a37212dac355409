package host

import (
	"context"
	"errors"

	"github.com/gocompose/gocompose/containerd/engine"
)

// OpenRunning is Open that starts nothing: where the engine does not run it
// returns ErrNothingHere.
func OpenRunning(ctx context.Context, cfg Config) (*Host, error) {
	if err := checkRoot(); err != nil {
		return nil, err
	}
	eng, err := engine.Find(ctx, engineConfig(cfg))
	if errors.Is(err, engine.ErrNotRunning) {
		return nil, ErrNothingHere
	}
	if err != nil {
		return nil, err
	}
	return connect(ctx, cfg, eng)
}
