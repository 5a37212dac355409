//go:build live

package containerd_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

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
	ctx, end, err := c.Lease(t.Context(), "shop", "")
	if err != nil {
		t.Fatal(err)
	}
	for i, of := range []struct{ project, lock string }{{"shop", "/its"}, {"shop", ""}, {"shop-2", ""}, {"", ""}, {"", "/held"}, {"", "/free"}} {
		killed, _, err := c.Lease(t.Context(), of.project, of.lock)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			begin(t, c, killed)
		}
	}
	if err := c.TakeOver(ctx, "shop", nil); err != nil {
		t.Fatal(err)
	}
	wantLeases(t, c, 5)
	// Those of no project belong to commands that know nothing of each other but by their locks.
	var asked []string
	err = c.TakeOver(ctx, "", func(lock string) (bool, error) {
		asked = append(asked, lock)
		return lock == "/free", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Sort(asked); !slices.Equal(asked, []string{"/free", "/held"}) {
		t.Errorf("asked about %q", asked)
	}
	wantLeases(t, c, 4)
	wantBegun(t, c, 1, 1)
	if err := end(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantLeases(t, c, 3)
	wantBegun(t, c, 0, 0)
}

// begin writes a blob, and the half of another.
func begin(t *testing.T, c *containerd.Client, ctx context.Context) {
	t.Helper()
	store := c.Raw().ContentStore()
	whole := []byte("whole")
	desc := ocispec.Descriptor{Digest: digest.FromBytes(whole), Size: int64(len(whole))}
	if err := content.WriteBlob(ctx, store, "whole", bytes.NewReader(whole), desc); err != nil {
		t.Fatal(err)
	}
	w, err := store.Writer(ctx, content.WithRef("half"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("ha")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// wantBegun has containerd collect its garbage, and counts what is there then.
func wantBegun(t *testing.T, c *containerd.Client, blobs, halves int) {
	t.Helper()
	manager := c.Raw().LeasesService()
	l, err := manager.Create(t.Context(), leases.WithRandomID())
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.Delete(t.Context(), l, leases.SynchronousDelete); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := c.Raw().ContentStore().Walk(t.Context(), func(content.Info) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	begun, err := c.Raw().ContentStore().ListStatuses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n != blobs || len(begun) != halves {
		t.Errorf("%d blobs and %v, want %d and %d", n, begun, blobs, halves)
	}
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
