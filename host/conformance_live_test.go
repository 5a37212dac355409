//go:build live

package host_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/gocompose/gocompose/executor/backendtest"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// world is a host of its own, whose processes end with the test.
type world struct {
	*host.Host
	cfg      host.Config
	registry livetest.Registry
	image    string // is there
}

func open(t testing.TB) world {
	t.Helper()
	bin := os.Getenv("GOCOMPOSE_TEST_BIN")
	if bin == "" {
		t.Skip("GOCOMPOSE_TEST_BIN does not say where the programs are")
	}
	state, err := os.MkdirTemp("/run", "gct-")
	if err != nil {
		t.Fatal(err)
	}
	w := world{cfg: host.Config{
		Paths:   paths.Paths{Root: filepath.Join(t.TempDir(), "root"), State: state},
		Program: filepath.Join(bin, "gocompose"),
	}}
	t.Cleanup(func() { noneLeft(t, w.cfg) })
	w.registry = livetest.StartRegistry(t)
	if w.Host, err = host.Open(t.Context(), w.cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	w.image = pulled(t, w.Host, w.registry)
	return w
}

// TestARealHostKeepsWhatTheFakeWorldPromises runs the suite that the fake world
// of the planner's tests passes on real containers, networks and volumes.
func TestARealHostKeepsWhatTheFakeWorldPromises(t *testing.T) {
	w := open(t)
	t.Setenv("PATH", programs(t)+":"+os.Getenv("PATH"))
	observe := func(ctx context.Context, name string) (planner.Observed, error) {
		wants := project.Service{Name: "wants", Template: project.Container{Image: w.image}}
		return w.Observe(ctx, name, &project.Project{Name: name, Services: []project.Service{wants}})
	}
	sources := t.TempDir()
	if err := os.WriteFile(filepath.Join(sources, "file"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	backendtest.Run(t, func(*testing.T) backendtest.Harness {
		return backendtest.Harness{
			Backend:      w.Host,
			Observe:      observe,
			Images:       w.ObserveImages,
			Context:      sources,
			Image:        w.image,
			Provider:     "conformance-provider",
			MissingImage: w.registry.Host + "/conformance/none:1",
			Command:      []string{"sh", "-c", "trap 'exit 0' TERM; sleep 1d & wait"},
		}
	})
}

// programs returns a folder with the program of the suite's providers.
func programs(t *testing.T) string {
	t.Helper()
	const script = `#!/bin/sh
[ "$2" != metadata ] || exit 1
echo "{\"type\": \"info\", \"message\": \"${2#--project-name=}\"}"
for option; do
	case "$3 $option" in
	"up --set="*) echo "{\"type\": \"setenv\", \"message\": \"${option#--set=}\"}" ;;
	esac
done
`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "conformance-provider"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pulled puts an image into the registry and on the host, and returns its name.
func pulled(t testing.TB, h *host.Host, r livetest.Registry) string {
	t.Helper()
	img, err := livetest.Busybox(v1.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Push("conformance/image:1", img); err != nil {
		t.Fatal(err)
	}
	ref := r.Host + "/conformance/image:1"
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(archive, tag, img); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := h.Images().Load(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	return ref
}

// noneLeft ends the layout's processes and looks for what remains.
func noneLeft(t testing.TB, cfg host.Config) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := host.StopSystem(ctx, cfg, host.Forced, func() {}); err != nil {
		t.Error(err)
	}
	left, err := livetest.Leftovers(cfg.Paths)
	if len(left) > 0 || err != nil {
		t.Errorf("left behind: %s %v", strings.Join(left, "\n"), err)
	}
	if err := os.RemoveAll(cfg.Paths.State); err != nil {
		t.Error(err)
	}
}
