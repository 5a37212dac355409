package host

import (
	"context"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/provider"
)

// RunProvider implements executor.Providers.
func (h *Host) RunProvider(ctx context.Context, p project.Provider, action project.ProviderAction, print func(line string),
) (map[string]string, error) {
	return provider.Run(ctx, p, action, print)
}
