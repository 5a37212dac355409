package host

import (
	"context"

	"github.com/gocompose/gocompose/containerd/engine"
)

// EngineInfo is the containerd that is used.
type EngineInfo struct {
	Version     string
	Address     string // of its socket
	Snapshotter string
}

// Engine asks the engine who it is.
func (h *Host) Engine(ctx context.Context) (EngineInfo, error) {
	out := EngineInfo{Address: h.engine.Address, Snapshotter: h.containerd.Config().Snapshotter}
	var err error
	out.Version, err = engine.Version(ctx, out.Address)
	return out, err
}
