//go:build live

package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/volumes"
)

// open returns a host without containers, whose processes end with the test.
func open(t *testing.T) *Host {
	t.Helper()
	h := openAt(t, "")
	// One that is only on its way could not be stopped.
	if _, err := h.supervisor.ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// openAt is open of a host with the engine at the address.
func openAt(t *testing.T, address string) *Host {
	t.Helper()
	bin := os.Getenv("GOCOMPOSE_TEST_BIN")
	if bin == "" {
		t.Skip("GOCOMPOSE_TEST_BIN does not say where the programs are")
	}
	state, err := os.MkdirTemp("/run", "gct-")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Paths:   paths.Paths{Root: filepath.Join(t.TempDir(), "root"), State: state},
		Program: filepath.Join(bin, "gocompose"),
		Address: address,
	}
	h, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(h.Close(), StopSystem(ctx, cfg, Forced, func() {})); err != nil {
			t.Error(err)
		}
		left, err := livetest.Leftovers(cfg.Paths)
		if len(left) > 0 && !t.Failed() {
			t.Errorf("left: %q", left)
		}
		if err := errors.Join(err, os.RemoveAll(state)); err != nil {
			t.Error(err)
		}
	})
	return h
}

// remains puts in place what there is of a container that containerd does not
// have.
func remains(t *testing.T, h *Host, id string) {
	t.Helper()
	if err := os.MkdirAll(h.cfg.Paths.Container(id), 0o711); err != nil {
		t.Fatal(err)
	}
	e := endpoint.Endpoint{ID: id, Name: "shop-web-1", Project: "shop"}
	if err := endpoint.Write(h.cfg.Paths.Endpoints(), e); err != nil {
		t.Fatal(err)
	}
}

func anonymous(t *testing.T, h *Host, name string) {
	t.Helper()
	v := project.Volume{Name: name, Project: "shop", Driver: "local", Anonymous: true}
	if err := h.volumes.Create(t.Context(), v); err != nil {
		t.Fatal(err)
	}
}

func noneOf(t *testing.T, h *Host, id string) {
	t.Helper()
	entries, err := os.ReadDir(h.cfg.Paths.Containers())
	if err != nil || len(entries) > 0 {
		t.Errorf("left: %v %v", entries, err)
	}
	if _, err := endpoint.Read(h.cfg.Paths.Endpoints(), id); !errors.Is(err, endpoint.ErrNotFound) {
		t.Errorf("the endpoint is left: %v", err)
	}
	if _, err := os.Stat(h.containerLock(id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock is left: %v", err)
	}
}

func TestWhatAKilledCreationLeftGoesWithItsVolumes(t *testing.T) {
	h := open(t)
	note, err := h.beginMaking("shop-web-1.n1")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(note.volume("made"), note.file.Close()); err != nil {
		t.Fatal(err)
	}
	remains(t, h, "shop-web-1.n1")
	anonymous(t, h, "made")
	anonymous(t, h, "other")
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	noneOf(t, h, "shop-web-1.n1")
	if _, err := h.volumes.Get("made"); !errors.Is(err, volumes.ErrNotFound) {
		t.Errorf("the volume is left: %v", err)
	}
	if _, err := h.volumes.Get("other"); err != nil {
		t.Error(err)
	}
}

// The note of its creation may still be there, if that was killed at its very
// end. Its volumes hold data by now.
func TestWhatAKilledRemovalLeftGoesWithoutItsVolumes(t *testing.T) {
	h := open(t)
	made, err := h.beginMaking("shop-web-1.n1")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(made.volume("data"), made.file.Close()); err != nil {
		t.Fatal(err)
	}
	remains(t, h, "shop-web-1.n1")
	anonymous(t, h, "data")
	note, err := h.beginRemoving("shop-web-1.n1")
	if err != nil {
		t.Fatal(err)
	}
	if err := note.file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	noneOf(t, h, "shop-web-1.n1")
	if _, err := h.volumes.Get("data"); err != nil {
		t.Errorf("the volume of a removed container is gone: %v", err)
	}
}

// A supervisor hears of ends late. What it locked for a look must not stay.
func TestCleaningUpBehindARemovedContainerLeavesNoLock(t *testing.T) {
	h := open(t)
	remains(t, h, "shop-web-1.n1")
	if err := os.RemoveAll(h.cfg.Paths.Containers()); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(h.cfg.Paths.Containers(), 0o711); err != nil {
		t.Fatal(err)
	}
	r := &runtime{cfg: h.cfg, host: h}
	if err := r.Release(t.Context(), "shop-web-1.n1"); err != nil {
		t.Fatal(err)
	}
	noneOf(t, h, "shop-web-1.n1")
}
