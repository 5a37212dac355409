//go:build live

package images_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/snapshots"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/enginetest"
	"github.com/gocompose/gocompose/containerd/images"
)

const otherArch = "s390x"

func here() string { return "linux/" + runtime.GOARCH }

// newStore starts a containerd and returns its images, with credentials and
// hosts that no file of this machine has a say in.
func newStore(t *testing.T) (*containerd.Client, *images.Store) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("GOCOMPOSE_CERTS_D", t.TempDir())
	e := enginetest.Start(t)
	c, err := containerd.Connect(t.Context(), containerd.Config{Address: e.Address})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c, images.New(c)
}

func pull(t *testing.T, s *images.Store, ref string) images.Image {
	t.Helper()
	img, err := s.Pull(t.Context(), ref, images.PullOptions{})
	must(t, err)
	return img
}

// read returns a file of an image, or "" if it has none.
func read(t *testing.T, s *images.Store, img images.Image, path string) string {
	t.Helper()
	var found []byte
	must(t, s.View(t.Context(), img, func(root string) error {
		data, err := os.ReadFile(filepath.Join(root, path))
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		found = data
		return err
	}))
	return string(found)
}

func digestOf(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.Digest()
	must(t, err)
	return d.String()
}

func idOf(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.ConfigName()
	must(t, err)
	return d.String()
}

// left returns what containerd still keeps.
func left(t *testing.T, c *containerd.Client) (blobs, files []string) {
	t.Helper()
	must(t, c.Raw().ContentStore().Walk(t.Context(), func(i content.Info) error {
		blobs = append(blobs, i.Digest.String())
		return nil
	}))
	must(t, c.Raw().SnapshotService("overlayfs").Walk(t.Context(), func(_ context.Context, i snapshots.Info) error {
		files = append(files, i.Name)
		return nil
	}))
	return blobs, files
}

func wantLeases(t *testing.T, c *containerd.Client, n int) {
	t.Helper()
	leases, err := c.Raw().LeasesService().List(t.Context())
	must(t, err)
	if len(leases) != n {
		t.Errorf("leases %v, want %d", leases, n)
	}
}

func wantNothingLeft(t *testing.T, c *containerd.Client) {
	t.Helper()
	if blobs, files := left(t, c); len(blobs)+len(files) > 0 {
		t.Errorf("left: blobs %v, snapshots %v", blobs, files)
	}
	ingests, err := c.Raw().ContentStore().ListStatuses(t.Context())
	must(t, err)
	if len(ingests) > 0 {
		t.Errorf("left: unfinished blobs %v", ingests)
	}
	wantLeases(t, c, 0)
}

func TestPulledImageCanBeReadAndRemoved(t *testing.T) {
	c, s := newStore(t)
	r := newRegistry(t)
	built := build(t, here(),
		gzipLayer(t, file{"etc/", ""}, file{"etc/a", "one"}, file{"etc/b", "old"}, file{"etc/c", "gone"}, file{"var/", ""}, file{"var/x", "hidden"}),
		zstdLayer(t, file{"etc/b", "new"}, file{"etc/.wh.c", ""}, file{"var/.wh..wh..opq", ""}),
		plainLayer(t, file{"etc/d", "four"}),
	)
	ref := r.push("app:1", built)

	img := pull(t, s, ref)
	if img.Ref != ref || img.Digest != digestOf(t, built) || img.ID != idOf(t, built) || img.Platform != here() {
		t.Errorf("pulled %+v, want %s %s %s", img, ref, digestOf(t, built), idOf(t, built))
	}
	if !slices.Contains(img.Config.Env, "GREETING=hello") || len(img.Config.Volumes) != 1 {
		t.Errorf("configuration %+v", img.Config)
	}
	if h := img.Healthcheck; h == nil || h.Interval.Seconds() != 3 || h.Retries != 4 || !slices.Equal(h.Test, []string{"CMD", "true"}) {
		t.Errorf("health check %+v", img.Healthcheck)
	}
	for path, want := range map[string]string{"etc/a": "one", "etc/b": "new", "etc/c": "", "etc/d": "four", "var/x": ""} {
		if got := read(t, s, img, path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	must(t, s.Remove(t.Context(), ref))
	if _, err := s.Get(t.Context(), ref); !errors.Is(err, images.ErrNotFound) {
		t.Errorf("after its removal: %v", err)
	}
	wantNothingLeft(t, c)
}

func TestViewIsReadOnlyAndCleansUp(t *testing.T) {
	c, s := newStore(t)
	img := pull(t, s, newRegistry(t).push("app:1", build(t, here(), gzipLayer(t, file{"a", "x"}), gzipLayer(t, file{"b", "x"}))))
	_, before := left(t, c)
	boom := errors.New("boom")
	err := s.View(t.Context(), img, func(root string) error {
		if err := os.WriteFile(filepath.Join(root, "new"), nil, 0o600); err == nil {
			t.Error("an image could be written to")
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want the function's error", err)
	}
	if _, after := left(t, c); len(after) != len(before) {
		t.Errorf("snapshots before %v, after %v", before, after)
	}
}

func TestImageWithoutLayers(t *testing.T) {
	c, s := newStore(t)
	ref := newRegistry(t).push("nothing:1", build(t, here()))
	img := pull(t, s, ref)
	if img.ChainID != "" {
		t.Errorf("chain %q", img.ChainID)
	}
	if got := read(t, s, img, "etc/passwd"); got != "" {
		t.Errorf("read %q", got)
	}
	must(t, s.Remove(t.Context(), ref))
	wantNothingLeft(t, c)
}

func TestSecondPullFetchesNothing(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	ref := r.push("app:1", build(t, here(), gzipLayer(t, file{"a", "x"})))
	first := pull(t, s, ref)
	if len(r.sent()) == 0 {
		t.Fatal("the first pull fetched nothing")
	}
	if second := pull(t, s, ref); second.Digest != first.Digest || second.ChainID != first.ChainID {
		t.Errorf("second pull: %+v, first %+v", second, first)
	}
	if sent := r.sent(); len(sent) > 0 {
		t.Errorf("the second pull fetched %v", sent)
	}
}

func TestPullByDigestNeedsNoRegistryTheSecondTime(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	tag := r.push("app:1", build(t, here(), gzipLayer(t, file{"a", "x"})))
	repository := strings.TrimSuffix(tag, ":1")
	img := pull(t, s, tag)
	ref := repository + "@" + img.Digest
	pull(t, s, ref)
	r.Close()
	again := pull(t, s, ref)
	if again.Digest != img.Digest {
		t.Errorf("got %+v", again)
	}
}

func TestTagThatMovedIsPulledAgain(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	base := gzipLayer(t, file{"base", "x"})
	ref := r.push("app:1", build(t, here(), base, gzipLayer(t, file{"v", "1"})))
	pull(t, s, ref)
	r.sent()
	r.push("app:1", build(t, here(), base, gzipLayer(t, file{"v", "2"})))
	if got := read(t, s, pull(t, s, ref), "v"); got != "2" {
		t.Errorf("v is %q after the second pull", got)
	}
	if sent := r.sent(); len(sent) != 2 { // its configuration and one layer
		t.Errorf("fetched %v", sent)
	}
}

func TestIndexGivesTheHostsPlatformOnly(t *testing.T) {
	c, s := newStore(t)
	r := newRegistry(t)
	mine := build(t, here(), gzipLayer(t, file{"arch", "mine"}))
	other := build(t, "linux/"+otherArch, gzipLayer(t, file{"arch", "other"}))
	ref := r.pushIndex("multi:1", indexOf(t, map[string]v1.Image{here(): mine, "linux/" + otherArch: other}))
	img := pull(t, s, ref)
	if img.Digest != digestOf(t, mine) {
		t.Errorf("digest %s, want that of the platform's manifest, %s", img.Digest, digestOf(t, mine))
	}
	if got := read(t, s, img, "arch"); got != "mine" {
		t.Errorf("arch is %q", got)
	}
	blobs, _ := left(t, c)
	if slices.Contains(blobs, digestOf(t, other)) {
		t.Error("the other platform's manifest was fetched")
	}
	digests, err := s.Digests(t.Context(), []string{ref, r.host() + "/none:1"})
	must(t, err)
	if len(digests) != 1 || digests[ref] != digestOf(t, mine) {
		t.Errorf("digests %v", digests)
	}
}

func TestWrongPlatformIsRefusedBeforeItsLayersAreFetched(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	other := build(t, "linux/"+otherArch, gzipLayer(t, file{"a", "x"}))
	for _, ref := range []string{
		r.push("single:1", other),
		r.pushIndex("index:1", indexOf(t, map[string]v1.Image{"linux/" + otherArch: other})),
	} {
		r.sent()
		_, err := s.Pull(t.Context(), ref, images.PullOptions{})
		if !errors.Is(err, images.ErrPlatform) || !strings.Contains(err.Error(), "linux/"+otherArch) || !strings.Contains(err.Error(), here()) {
			t.Errorf("%s: %v", ref, err)
		}
		if sent := r.sent(); len(sent) > 1 {
			t.Errorf("%s: fetched %v", ref, sent)
		}
	}
}

func TestConcurrentPullsShareLayers(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	shared := []v1.Layer{gzipLayer(t, file{"one", bulk(t, 1<<20)}), gzipLayer(t, file{"two", bulk(t, 1<<20)})}
	var refs []string
	for _, name := range []string{"a", "b", "c", "d"} {
		refs = append(refs, r.push(name+":1", build(t, here(), append(shared, gzipLayer(t, file{"name", name}))...)))
	}
	var wg sync.WaitGroup
	for _, ref := range refs {
		wg.Go(func() {
			if _, err := s.Pull(t.Context(), ref, images.PullOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sent := r.sent()
	for _, l := range shared {
		d, err := l.Digest()
		must(t, err)
		if n := len(slices.DeleteFunc(slices.Clone(sent), func(s string) bool { return s != d.String() })); n != 1 {
			t.Errorf("a shared layer was fetched %d times", n)
		}
	}
	list, err := s.List(t.Context())
	must(t, err)
	if len(list) != len(refs) {
		t.Fatalf("%d images, want %d", len(list), len(refs))
	}
	for i, img := range list {
		if got := read(t, s, img, "name"); got != string(rune('a'+i)) {
			t.Errorf("%s has name %q", img.Ref, got)
		}
	}
}

func TestTwoStoresPullTheSameImage(t *testing.T) {
	c, s := newStore(t)
	r := newRegistry(t)
	ref := r.push("a:1", build(t, here(), gzipLayer(t, file{"one", bulk(t, 4<<20)}), gzipLayer(t, file{"two", "2"})))
	var wg sync.WaitGroup
	for _, store := range []*images.Store{s, images.New(c)} {
		wg.Go(func() {
			if _, err := store.Pull(t.Context(), ref, images.PullOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	img, err := s.Get(t.Context(), ref)
	must(t, err)
	if got := read(t, s, img, "two"); got != "2" {
		t.Errorf("two is %q", got)
	}
}

func TestProgressEndsWithEverything(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	base := gzipLayer(t, file{"base", bulk(t, 1<<20)})
	pull(t, s, r.push("base:1", build(t, here(), base)))
	ref := r.push("app:1", build(t, here(), base, gzipLayer(t, file{"app", bulk(t, 1<<20)})))
	final := map[string]images.Status{}
	var last images.Progress
	_, err := s.Pull(t.Context(), ref, images.PullOptions{Progress: func(p images.Progress) {
		final[p.Layer], last = p.Status, p
		if p.Current > p.Total || p.ImageCurrent > p.ImageTotal {
			t.Errorf("more than all: %+v", p)
		}
	}})
	must(t, err)
	baseDigest, err := base.Digest()
	must(t, err)
	if len(final) != 2 || final[baseDigest.String()] != images.Exists {
		t.Errorf("last states %v", final)
	}
	delete(final, baseDigest.String())
	for layer, status := range final {
		if status != images.Done {
			t.Errorf("%s ended as %s", layer, status)
		}
	}
	if last.ImageCurrent != last.ImageTotal || last.ImageTotal < 2<<20 {
		t.Errorf("last report %+v", last)
	}
}
