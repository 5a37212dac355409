//go:build live

package images_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/enginetest"
	"github.com/gocompose/gocompose/containerd/images"
)

// onDisk returns the images of a containerd whose root is on a disk of its own,
// which the returned function makes larger.
func onDisk(t *testing.T, size string) (_ *images.Store, grow func(size string)) {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("GOCOMPOSE_CERTS_D", t.TempDir())
	e := enginetest.Start(t)
	e.Kill(t)
	must(t, unix.Mount("tmpfs", e.Root, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { must(t, unix.Unmount(e.Root, unix.MNT_DETACH)) })
	e.Run(t)
	c, err := containerd.Connect(t.Context(), containerd.Config{Address: e.Address})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return images.New(c), func(size string) {
		t.Helper()
		must(t, unix.Mount("tmpfs", e.Root, "tmpfs", unix.MS_REMOUNT, "size="+size))
	}
}

func TestFullDiskIsSaidAndLaterForgiven(t *testing.T) {
	for name, size := range map[string]string{"while fetching": "6m", "while unpacking": "14m"} {
		t.Run(name, func(t *testing.T) {
			s, grow := onDisk(t, size)
			r := newRegistry(t)
			ref := r.push("app:1", build(t, here(), gzipLayer(t, file{"big", bulk(t, 8<<20)}), gzipLayer(t, file{"small", "x"})))
			_, err := s.Pull(t.Context(), ref, images.PullOptions{})
			if !errors.Is(err, images.ErrNoSpace) || !strings.Contains(err.Error(), "make room") {
				t.Errorf("got %v", err)
			}
			grow("64m")
			img := pull(t, s, ref)
			if len(read(t, s, img, "big")) != 8<<20 || read(t, s, img, "small") != "x" {
				t.Error("the image is not whole")
			}
		})
	}
}

func TestPullAgainAfterContainerdDied(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("GOCOMPOSE_CERTS_D", t.TempDir())
	e := enginetest.Start(t)
	c, err := containerd.Connect(t.Context(), containerd.Config{Address: e.Address})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	s := images.New(c)
	r := newRegistry(t)
	ref := r.push("app:1", build(t, here(), gzipLayer(t, file{"big", bulk(t, 8<<20)}), gzipLayer(t, file{"small", "x"})))
	killed := false
	_, err = s.Pull(t.Context(), ref, images.PullOptions{Progress: func(p images.Progress) {
		if p.Status == images.Downloading && !killed {
			killed = true
			e.Kill(t)
		}
	}})
	if err == nil {
		t.Fatal("a pull without containerd succeeded")
	}
	e.Run(t)
	c2, err := containerd.Connect(t.Context(), containerd.Config{Address: e.Address})
	must(t, err)
	t.Cleanup(func() { must(t, c2.Close()) })
	s = images.New(c2)
	img := pull(t, s, ref)
	if len(read(t, s, img, "big")) != 8<<20 {
		t.Error("the image is not whole")
	}
}

func BenchmarkLookups(b *testing.B) {
	b.Setenv("DOCKER_CONFIG", b.TempDir())
	e := enginetest.Start(b)
	c, err := containerd.Connect(b.Context(), containerd.Config{Address: e.Address})
	must(b, err)
	defer c.Close()
	s := images.New(c)
	r := newRegistry(b)
	var refs []string
	for _, name := range strings.Split("abcdefghij", "") {
		ref := r.push(name+":1", build(b, here(), gzipLayer(b, file{name, name})))
		_, err := s.Pull(b.Context(), ref, images.PullOptions{})
		must(b, err)
		refs = append(refs, ref)
	}
	b.Run("connect", func(b *testing.B) {
		for b.Loop() {
			c, err := containerd.Connect(b.Context(), containerd.Config{Address: e.Address})
			must(b, err)
			must(b, c.Close())
		}
	})
	b.Run("digests of ten", func(b *testing.B) {
		for b.Loop() {
			found, err := s.Digests(b.Context(), refs)
			if err != nil || len(found) != 10 {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			_, err := s.Get(b.Context(), refs[0])
			must(b, err)
		}
	})
	b.Run("pull again", func(b *testing.B) {
		for b.Loop() {
			_, err := s.Pull(b.Context(), refs[0], images.PullOptions{})
			must(b, err)
		}
	})
	b.Run("view", func(b *testing.B) {
		img, err := s.Get(b.Context(), refs[0])
		must(b, err)
		for b.Loop() {
			must(b, s.View(b.Context(), img, func(string) error { return nil }))
		}
	})
}
