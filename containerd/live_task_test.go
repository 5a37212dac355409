//go:build live

package containerd_test

import (
	"testing"
	"time"

	"context"
	"github.com/containerd/containerd/api/types/runc/options"
	client "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/pkg/cio"

	"github.com/gocompose/gocompose/containerd"
)

var nullIO = cio.NullIO

func withRootfs(mounts []mount.Mount) client.NewTaskOpts { return client.WithRootFS(mounts) }

func withRuntime(c *containerd.Client) client.NewTaskOpts {
	return func(_ context.Context, _ *client.Client, info *client.TaskInfo) error {
		info.Options = &options.Options{BinaryName: c.Config().Runc, Root: c.Config().RuncRoot}
		return nil
	}
}

// BenchmarkContainer tells the milliseconds of each step of a container's life.
func BenchmarkContainer(b *testing.B) {
	c := engine(b)
	ctx, end, err := c.Lease(b.Context(), "bench", "")
	if err != nil {
		b.Fatal(err)
	}
	req := request("bench-web-1.b", "sleep 1000")
	steps := []struct {
		name string
		do   func() error
	}{
		{"create", func() error { return c.CreateContainer(ctx, req) }},
		{"start", func() error { return c.StartTask(ctx, req.ID, containerd.StartRequest{}) }},
		{"list", func() error { _, err := c.Containers(ctx, containerd.Filter{Project: "shop"}); return err }},
		{"stop", func() error { return c.StopTask(ctx, req.ID, containerd.StopRequest{}) }},
		{"remove", func() error { return c.RemoveContainer(ctx, req.ID) }},
	}
	spent := make([]time.Duration, len(steps))
	for b.Loop() {
		for i, s := range steps {
			begin := time.Now()
			if err := s.do(); err != nil {
				b.Fatal(err)
			}
			spent[i] += time.Since(begin)
		}
	}
	for i, s := range steps {
		b.ReportMetric(float64(spent[i].Microseconds())/1000/float64(b.N), s.name+"-ms/op")
	}
	if err := end(context.Background()); err != nil {
		b.Error(err)
	}
}
