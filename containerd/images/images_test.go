package images

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestNamesAreNormalisedAsDockerDoes(t *testing.T) {
	sum := "sha256:" + strings.Repeat("a", 64)
	for ref, want := range map[string]string{
		"nginx":                    "docker.io/library/nginx:latest",
		"nginx:1.27":               "docker.io/library/nginx:1.27",
		"team/app":                 "docker.io/team/app:latest",
		"localhost/app":            "localhost/app:latest",
		"localhost:5000/a/b:1":     "localhost:5000/a/b:1",
		"nginx@" + sum:             "docker.io/library/nginx@" + sum,
		"nginx:1.27@" + sum:        "docker.io/library/nginx@" + sum,
		"index.docker.io/team/app": "docker.io/team/app:latest",
	} {
		got, err := normalize(ref)
		if err != nil || got.String() != want {
			t.Errorf("%s: %v, %v, want %s", ref, got, err, want)
		}
	}
	for _, ref := range []string{"", "team/Upper", "a b", "x:", strings.Repeat("a", 64)} {
		if got, err := normalize(ref); err == nil {
			t.Errorf("%q became %s", ref, got)
		}
	}
}

func TestNamesInArchives(t *testing.T) {
	const ctrd, oci = images.AnnotationImageName, ocispec.AnnotationRefName
	for want, annotations := range map[string]map[string]string{
		"docker.io/library/a:1":      {ctrd: "docker.io/library/a:1", oci: "1"},
		"docker.io/library/b:2":      {oci: "b:2"},
		"docker.io/team/c:latest":    {oci: "team/c"},
		"":                           {oci: "v1.0"},
		"example.com:5000/d/d:newer": {ctrd: "example.com:5000/d/d:newer"},
	} {
		got, err := archivedName(ocispec.Descriptor{Annotations: annotations})
		if err != nil || got != want {
			t.Errorf("%v: %q, %v, want %q", annotations, got, err, want)
		}
	}
	if _, err := archivedName(ocispec.Descriptor{Annotations: map[string]string{ctrd: "No Name"}}); err == nil {
		t.Error("a bad name was taken")
	}
}

func TestTheBestPlatformIsChosen(t *testing.T) {
	s := &Store{platform: platforms.Only(platforms.MustParse("linux/arm/v7"))}
	of := func(p string) ocispec.Descriptor {
		if p == "" {
			return ocispec.Descriptor{Digest: "none"}
		}
		parsed := platforms.MustParse(p)
		return ocispec.Descriptor{Digest: digest.Digest(p), Platform: &parsed}
	}
	list := func(names ...string) []ocispec.Descriptor {
		var l []ocispec.Descriptor
		for _, n := range names {
			l = append(l, of(n))
		}
		return l
	}
	got := s.choose(list("linux/amd64", "", "linux/arm/v6", "linux/arm/v7", "linux/arm64", "unknown/unknown"))
	var names []string
	for _, d := range got {
		names = append(names, string(d.Digest))
	}
	if want := "linux/arm/v7 linux/arm/v6 none"; strings.Join(names, " ") != want {
		t.Errorf("chosen %v, want %s", names, want)
	}
}

func TestVersionsAreCompared(t *testing.T) {
	for version, want := range map[string]bool{
		"v2.3.0": true, "2.3.7+unknown": true, "2.10.1": true, "3.0.0": true,
		"2.2.9": false, "1.7.30": false, "1.6.20~ds1": false, "": false, "dev": false, "2": false, "2.x": false,
	} {
		if got := atLeast(version, 2, 3); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

func TestALockIsHeldByOne(t *testing.T) {
	l := newLocks()
	var inside, worked atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := l.Lock(t.Context(), "x"); err != nil {
				t.Error(err)
				return
			}
			if inside.Add(1) != 1 {
				t.Error("two inside")
			}
			worked.Add(1)
			inside.Add(-1)
			l.Unlock("x")
		})
	}
	wg.Wait()
	if worked.Load() != 50 || len(l.held) != 0 {
		t.Errorf("%d worked, %d locks stay", worked.Load(), len(l.held))
	}
}

func TestWaitingForALockEndsWithTheContext(t *testing.T) {
	l := newLocks()
	if err := l.Lock(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if err := l.Lock(t.Context(), "y"); err != nil {
		t.Fatal(err) // another name is free
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Lock(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	l.Unlock("x")
	l.Unlock("y")
	if len(l.held) != 0 {
		t.Errorf("%d locks stay", len(l.held))
	}
}

func TestTrackerAddsUpLayers(t *testing.T) {
	var got []Progress
	tr := newTracker(func(p Progress) { got = append(got, p) }, Downloading)
	a, b := ocispec.Descriptor{Digest: "a", Size: 100}, ocispec.Descriptor{Digest: "b", Size: 50}
	tr.expect([]ocispec.Descriptor{a, b, a})
	tr.chain("snap-b", "b")
	tr.at("config", 7) // not a layer
	tr.at("a", 40)
	tr.at("a", 60) // too soon to be told
	tr.chainExists("snap-b")
	tr.chainExists("snap-b")
	tr.chainExists("snap-unknown")
	tr.at("a", 10) // begun again
	tr.status("a", Downloaded)
	tr.status("a", Extracting)
	tr.status("a", Done)
	want := []Progress{
		{"a", Waiting, 0, 100, 0, 150},
		{"b", Waiting, 0, 50, 0, 150},
		{"a", Downloading, 40, 100, 40, 150},
		{"b", Exists, 50, 50, 110, 150},
		{"a", Downloaded, 100, 100, 150, 150},
		{"a", Extracting, 100, 100, 150, 150},
		{"a", Done, 100, 100, 150, 150},
	}
	if len(got) != len(want) {
		t.Fatalf("reports %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("report %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	tr.mu.Lock()
	tr.layers["a"].status, tr.layers["a"].reported = Downloading, time.Now().Add(-reportInterval)
	tr.mu.Unlock()
	tr.at("a", 90)
	if len(got) != len(want)+1 {
		t.Error("not told although it is time")
	}
}
