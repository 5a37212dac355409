//go:build live

package images_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/containerd/images"
)

func TestImagesAreFoundByEveryName(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	built := build(t, here(), gzipLayer(t, file{"a", "x"}))
	ref := r.push("app:latest", built)
	pull(t, s, ref)
	repository := strings.TrimSuffix(ref, ":latest")
	id := strings.TrimPrefix(idOf(t, built), "sha256:")
	for _, name := range []string{ref, repository, repository + "@" + digestOf(t, built), repository + ":any@" + digestOf(t, built), id, id[:12], "sha256:" + id} {
		img, err := s.Get(t.Context(), name)
		if err != nil || img.ID != "sha256:"+id {
			t.Errorf("%s: %+v, %v", name, img, err)
		}
		digests, err := s.Digests(t.Context(), []string{name})
		if err != nil || digests[name] != digestOf(t, built) {
			t.Errorf("%s: %v, %v", name, digests, err)
		}
	}
	for _, name := range []string{"other", repository + ":2", repository + "@sha256:" + strings.Repeat("0", 64), "ffffffff", "sha256:" + strings.Repeat("0", 64)} {
		if _, err := s.Get(t.Context(), name); !errors.Is(err, images.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
		if digests, err := s.Digests(t.Context(), []string{name}); err != nil || len(digests) > 0 {
			t.Errorf("%s: %v, %v", name, digests, err)
		}
	}
	if _, err := s.Get(t.Context(), "Not/A Name"); err == nil || errors.Is(err, images.ErrNotFound) {
		t.Errorf("an invalid name: %v", err)
	}
}

func TestRemovalKeepsWhatAnotherNameNeeds(t *testing.T) {
	c, s := newStore(t)
	r := newRegistry(t)
	built := build(t, here(), gzipLayer(t, file{"a", "x"}))
	one, two := r.push("one:1", built), r.push("two:1", built)
	pull(t, s, one)
	pull(t, s, two)
	id := idOf(t, built)
	if err := s.Remove(t.Context(), id); err == nil || !strings.Contains(err.Error(), one) || !strings.Contains(err.Error(), two) {
		t.Errorf("removal by an ID with two names: %v", err)
	}
	must(t, s.Remove(t.Context(), one))
	img, err := s.Get(t.Context(), two)
	must(t, err)
	if got := read(t, s, img, "a"); got != "x" {
		t.Errorf("a is %q", got)
	}
	must(t, s.Remove(t.Context(), id[:20]))
	wantNothingLeft(t, c)
	if err := s.Remove(t.Context(), one); !errors.Is(err, images.ErrNotFound) {
		t.Errorf("second removal: %v", err)
	}
}
