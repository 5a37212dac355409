//go:build live

package containerd_test

import (
	"context"
	"testing"

	"github.com/containerd/containerd/v2/core/leases"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/enginetest"
)

func TestLeaseIsOneForTheRunAndEnds(t *testing.T) {
	e := enginetest.Start(t)
	c, err := containerd.Connect(t.Context(), containerd.Config{Address: e.Address})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, end, err := c.Lease(t.Context(), "shop", "")
	if err != nil {
		t.Fatal(err)
	}
	id, ok := leases.FromContext(ctx)
	if !ok {
		t.Fatal("no lease in the context")
	}
	inner, endInner, err := c.Lease(ctx, "shop", "")
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := leases.FromContext(inner); again != id {
		t.Errorf("a lease within a lease is %q, want the same, %q", again, id)
	}
	if err := endInner(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantLeases(t, c, 1)
	for range 2 { // a second end is no error
		if err := end(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantLeases(t, c, 0)
}

func TestLeasesOfKilledRunsEndWithTheNext(t *testing.T) {
	e := enginetest.Start(t)
	c, err := containerd.Connect(t.Context(), containerd.Config{Address: e.Address})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, project := range []string{"shop", "shop", "shop-2", "", ""} {
		if _, _, err := c.Lease(t.Context(), project, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.EndLeases(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	wantLeases(t, c, 3)
	// Those of no project belong to commands that know nothing of each other.
	if err := c.EndLeases(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	wantLeases(t, c, 3)
}

func TestClientFindsAContainerdThatWasStartedAgain(t *testing.T) {
	e := enginetest.Start(t)
	c, err := containerd.Connect(t.Context(), containerd.Config{Address: e.Address})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wantLeases(t, c, 0)
	e.Kill(t)
	if _, err := c.Raw().LeasesService().List(t.Context()); err == nil {
		t.Error("a dead containerd answered")
	}
	e.Run(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for ctx.Err() == nil {
		if _, err := c.Raw().LeasesService().List(ctx); err == nil {
			return
		}
	}
}

func wantLeases(t *testing.T, c *containerd.Client, n int) {
	t.Helper()
	list, err := c.Raw().LeasesService().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != n {
		t.Errorf("%d leases, want %d: %v", len(list), n, list)
	}
}
