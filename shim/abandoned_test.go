package shim

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestAShimWhoseBundleIsGoneLeaves(t *testing.T) {
	bundle := filepath.Join(t.TempDir(), "bundle")
	if err := os.Mkdir(bundle, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var left atomic.Bool
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			leaveWhenAbandoned(t.Context(), bundle, func() bool { return false }, func() { left.Store(true) })
		}()
		synctest.Wait()
		if left.Load() {
			t.Fatal("left with the bundle still there")
		}
		if err := os.Remove(bundle); err != nil {
			t.Fatal(err)
		}
		<-ended
		if !left.Load() {
			t.Fatal("stays without a bundle")
		}
	})
}

func TestAShimWithALivingContainerStays(t *testing.T) {
	leaveWhenAbandoned(t.Context(), filepath.Join(t.TempDir(), "none"), func() bool { return true },
		func() { t.Fatal("left a living container alone") })
}
