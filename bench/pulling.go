package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/gocompose/gocompose/view"
)

// What is pulled: files of this host, as those of an image of a distribution are.
const (
	pulledLayers    = 6
	pulledLayerSize = 40 << 20
	pulledFrom      = "/usr"
	pulledRounds    = 5
)

// puller is something that pulls images.
type puller struct {
	name string
	pull func(ctx context.Context, ref string) error
}

// pulling measures pulls of an image that is not there, from a registry on loopback,
// beside those of `docker pull`, where there is one. Each round has an image of its own:
// what was removed shortly before slows file systems down.
func (b *bench) pulling(ctx context.Context, p program, rounds int) (err error) {
	host, stop, err := b.registry()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	warm, err := b.composeFile("warm", 1)
	if err == nil {
		err = p.compose(ctx, warm, "up", "-d") // so that the engine runs, as Docker's does
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.compose(context.WithoutCancel(ctx), warm, "down")) }()
	all := []puller{{"gocompose image pull", func(ctx context.Context, ref string) error {
		return b.command(ctx, p.argv[0], "image", "pull", "--quiet", ref)
	}}}
	docker, done, missing := b.dockerPuller(ctx)
	defer func() { err = errors.Join(err, done()) }()
	if missing != nil {
		fmt.Fprintf(b.out, "\ndocker pull is left out: %v\n", missing)
	} else {
		all = append(all, *docker)
	}
	found := make([][]times, len(all))
	for round := range min(rounds, pulledRounds) {
		ref := fmt.Sprintf("%s/pulled:%d", host, round)
		if err := b.publish(ref, round); err != nil {
			return err
		}
		for i := range all {
			i = (i + round) % len(all) // by turns, for the first may find the disk busy
			if err := b.command(ctx, "sync"); err != nil {
				return err
			}
			took, err := timed(func() error { return all[i].pull(ctx, ref) })
			if err != nil {
				return err
			}
			found[i] = append(found[i], times{took})
		}
	}
	fmt.Fprintf(b.out, "\nSeconds to pull %d layers of %d MB, and in brackets how many times those of the last program\n", pulledLayers, pulledLayerSize>>20)
	t := view.NewTable("PROGRAM", "PULL")
	base := medians(found[len(all)-1])
	for i, with := range all {
		t.Row(with.name, cell(medians(found[i])[0], base))
	}
	return t.Write(b.out)
}

// dockerPuller returns `docker pull` of an engine that is started for it, with an error
// where there is none. done ends what was started, in any case.
func (b *bench) dockerPuller(ctx context.Context) (with *puller, done func() error, err error) {
	done = func() error { return nil }
	clis := dockerClients()
	if len(clis) == 0 {
		return nil, done, errors.New("no docker in PATH")
	}
	daemon, err := exec.LookPath("dockerd")
	if err != nil {
		return nil, done, err
	}
	engine, done, err := b.startDocker(ctx, daemon)
	if err != nil {
		return nil, func() error { return nil }, err
	}
	return &puller{"docker pull", func(ctx context.Context, ref string) error {
		return b.command(ctx, clis[0], "--host", engine, "pull", "--quiet", ref)
	}}, done, nil
}

// registry serves one on loopback, with its blobs on the disk.
func (b *bench) registry() (host string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	dir := filepath.Join(b.dir, "registry")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", nil, errors.Join(err, l.Close())
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: registry.New(
		registry.Logger(log.New(io.Discard, "", 0)), registry.WithBlobHandler(registry.NewDiskBlobHandler(dir)))}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return l.Addr().String(), func() error {
		err := s.Close()
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return errors.Join(err, os.RemoveAll(dir))
	}, nil
}

// publish sends the image of a round to the registry.
func (b *bench) publish(ref string, round int) error {
	tag, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		return err
	}
	img := empty.Image
	cf, err := img.ConfigFile()
	if err != nil {
		return err
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture = "linux", runtime.GOARCH
	if img, err = mutate.ConfigFile(img, cf); err != nil {
		return err
	}
	archives, err := pulledArchives(round)
	if err != nil {
		return err
	}
	for _, archive := range archives {
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil })
		if err != nil {
			return err
		}
		if img, err = mutate.AppendLayers(img, v1.Layer(l)); err != nil {
			return err
		}
	}
	return remote.Write(tag, img)
}

// pulledArchives packs files of this host, and into each archive one that says which
// round it is for.
func pulledArchives(round int) ([][]byte, error) {
	var all [][]byte
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	begin := func() error {
		buf.Reset()
		w = tar.NewWriter(&buf)
		return pack(w, fmt.Sprintf("round-%d-%d", round, len(all)), nil)
	}
	if err := begin(); err != nil {
		return nil, err
	}
	err := filepath.WalkDir(pulledFrom, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || len(data) > pulledLayerSize/4 {
			return err
		}
		if err := pack(w, path[1:], data); err != nil {
			return err
		}
		if buf.Len() < pulledLayerSize {
			return nil
		}
		if err := w.Close(); err != nil {
			return err
		}
		all = append(all, bytes.Clone(buf.Bytes()))
		if len(all) == pulledLayers {
			return fs.SkipAll
		}
		return begin()
	})
	return all, err
}

func pack(w *tar.Writer, name string, data []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}
