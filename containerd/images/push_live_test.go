//go:build live

package images_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/internal/livetest"
)

// The registry here is the one that most others are made of.
func TestAnIndexIsPushedWholeWhenAllOfItIsHere(t *testing.T) {
	c, s := newStore(t)
	from := newRegistry(t)
	to := livetest.StartDistribution(t)
	both := gzipLayer(t, file{"both", "have it, one of them twice"})
	mine := build(t, here(), gzipLayer(t, file{"arch", "mine"}), zstdLayer(t, file{"more", bulk(t, 1<<16)}), both)
	other := build(t, "linux/"+otherArch, gzipLayer(t, file{"arch", "other"}), both, both)
	index := indexOf(t, map[string]v1.Image{here(): mine, "linux/" + otherArch: other})
	ref := from.pushIndex("multi:1", index)
	pull(t, s, ref)

	// What is here for this platform alone.
	must(t, s.Tag(t.Context(), ref, to.Host+"/multi:mine"))
	must(t, s.Push(t.Context(), to.Host+"/multi:mine", images.PushOptions{}))
	if got := described(t, to.Host+"/multi:mine"); got.Digest.String() != digestOf(t, mine) {
		t.Errorf("%s was pushed, want the manifest of this platform, %s", got.Digest, digestOf(t, mine))
	}

	_, err := s.For("linux/"+otherArch).Pull(t.Context(), ref, images.PullOptions{})
	must(t, err)
	must(t, s.Tag(t.Context(), ref, to.Host+"/several:all"))
	final := map[string]images.Status{} // into a repository that has nothing yet
	must(t, s.Push(t.Context(), to.Host+"/several:all", images.PushOptions{Progress: func(p images.Progress) { final[p.Layer] = p.Status }}))
	for layer, status := range final {
		if status != images.Uploaded && status != images.Exists {
			t.Errorf("%s ended as %s", layer, status)
		}
	}
	if len(final) != 4 {
		t.Errorf("%d layers were told of, want 4", len(final))
	}
	got := described(t, to.Host+"/several:all")
	all, err := got.ImageIndex()
	must(t, err)
	m, err := all.IndexManifest()
	must(t, err)
	if want, err := index.Digest(); err != nil || got.Digest != want || len(m.Manifests) != 2 {
		t.Errorf("%s with %d manifests was pushed (%v)", got.Digest, len(m.Manifests), err)
	}

	// Everything of both is there: either is pulled again from nothing.
	for _, name := range []string{ref, to.Host + "/multi:mine", to.Host + "/several:all"} {
		must(t, s.Remove(t.Context(), name))
	}
	wantNothingLeft(t, c)
	for platform, want := range map[string]string{"": "mine", "linux/" + otherArch: "other"} {
		store := s.For(platform)
		if got := read(t, store, pull(t, store, to.Host+"/several:all"), "arch"); got != want {
			t.Errorf("%s: arch is %q", platform, got)
		}
	}
}

func described(t *testing.T, ref string) *remote.Descriptor {
	t.Helper()
	tag, err := name.ParseReference(ref, name.Insecure)
	must(t, err)
	got, err := remote.Get(tag)
	must(t, err)
	return got
}

func TestDigestsInNames(t *testing.T) {
	_, s := newStore(t)
	r := newRegistry(t)
	first := build(t, here(), gzipLayer(t, file{"v", "1"}))
	ref := r.push("app:1", first)
	r.push("app:1", build(t, here(), gzipLayer(t, file{"v", "2"}))) // the tag has moved on
	for _, pinned := range []string{strings.TrimSuffix(ref, ":1") + "@" + digestOf(t, first), ref + "@" + digestOf(t, first)} {
		if got := read(t, s, pull(t, s, pinned), "v"); got != "1" {
			t.Errorf("%s has %q", pinned, got)
		}
	}
	if got := read(t, s, pull(t, s, ref), "v"); got != "2" {
		t.Errorf("%s has %q", ref, got)
	}
	wantFailure(t, s, r.host()+"/app@sha256:"+strings.Repeat("0", 64), images.ErrNotInRegistry, "app@sha256:0000")
	if err := s.Push(t.Context(), ref+"@"+digestOf(t, first), images.PushOptions{}); err == nil || !strings.Contains(err.Error(), "give it a tag") {
		t.Errorf("a push by digest: %v", err)
	}
}

func TestPushesThatAreDenied(t *testing.T) {
	_, s := newStore(t)
	ref := newRegistry(t).push("app:1", build(t, here(), gzipLayer(t, file{"a", "x"})))
	pull(t, s, ref)
	guarded := newTLSRegistry(t)
	guarded.setWrap(protect("ann", "s3cret-word"))
	to := guarded.host() + "/app:1"
	must(t, s.Tag(t.Context(), ref, to))
	denied := func(parts ...string) {
		t.Helper()
		err := s.Push(t.Context(), to, images.PushOptions{})
		if !errors.Is(err, images.ErrUnauthorized) {
			t.Fatalf("got %v", err)
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
		for _, secret := range []string{"wr0ng", base64.StdEncoding.EncodeToString([]byte("ann:wr0ng-word"))} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q tells the secret", err)
			}
		}
	}
	denied("gocompose login "+guarded.host(), "needs credentials")
	logIn(t, guarded.host(), "ann", "wr0ng-word")
	denied("denies ann access", "gocompose login "+guarded.host())
	logIn(t, guarded.host(), "ann", "s3cret-word")
	must(t, s.Push(t.Context(), to, images.PushOptions{}))
}
