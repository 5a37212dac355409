package images

import (
	"context"

	"github.com/gocompose/gocompose/containerd/registry"
)

// LogIn asks a registry whether it takes a login, which is written down nowhere.
func LogIn(ctx context.Context, host string, login registry.Login, cfg registry.Config) error {
	if err := registry.Check(quietly(ctx), cfg, host, login); err != nil {
		return explain(ctx, failure{host: host, registry: cfg, err: err})
	}
	return nil
}
