//go:build live

package images_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/registry"
)

// An image that is published with an application is had from there when its own registry is
// not reached, by its digest, and keeps its name.
func TestAnImageByItsDigestComesFromElsewhere(t *testing.T) {
	_, s := newStore(t)
	own, other := newRegistry(t), newRegistry(t)
	ref := own.push("app:1", build(t, here(), gzipLayer(t, file{"a", "x"})))
	there := strings.TrimPrefix(other.URL, "http://") + "/shop/app:2"
	desc, err := images.CopyImage(t.Context(), ref, there, registry.Config{})
	must(t, err)
	pinned := strings.TrimSuffix(ref, ":1") + "@" + desc.Digest.String()
	nowhere := strings.TrimPrefix(other.URL, "http://") + "/none"
	own.Close()
	_, err = s.Pull(t.Context(), pinned, images.PullOptions{Also: []string{nowhere}})
	if !errors.Is(err, images.ErrUnreachable) || !strings.Contains(err.Error(), strings.TrimPrefix(own.URL, "http://")) {
		t.Errorf("nobody has it: %v", err)
	}
	if _, err = s.Pull(t.Context(), ref, images.PullOptions{Also: []string{there}}); !errors.Is(err, images.ErrUnreachable) {
		t.Errorf("by its tag: %v", err)
	}
	_, err = s.Pull(t.Context(), pinned, images.PullOptions{Also: []string{nowhere, there}})
	must(t, err)
	if _, err := s.Get(t.Context(), pinned); err != nil {
		t.Error(err)
	}
}
