package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	ctd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/pkg/labels"
	"github.com/containerd/containerd/v2/plugins"
	cerrdefs "github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// store is containerd's content store, to whose files layers are written by ourselves: sent to
// containerd they are copied several times, which takes longer than to make them.
//
// It is as if a writer had been killed when it had written all. containerd has a writer go on
// where one has ended, for which it reads what is there and takes its digest; so nothing is
// believed that was not looked at.
type store struct {
	content.Store

	namespace string
	ingests   string // the folder with what is being written; empty: it is not known
}

// newStore returns the store of a containerd, which tells where it lies. One that does not,
// or that lies elsewhere for us, is written to by containerd alone.
func newStore(ctx context.Context, c *ctd.Client, namespace string) (store, error) {
	s := store{Store: c.ContentStore(), namespace: namespace}
	found, err := c.IntrospectionService().Plugins(ctx, fmt.Sprintf("type==%s,id==content", plugins.ContentPlugin))
	if err != nil {
		return s, fmt.Errorf("asking containerd for its content store: %w", err)
	}
	for _, p := range found.Plugins {
		if root := p.Exports["root"]; root != "" {
			s.ingests = filepath.Join(root, "ingest")
		}
	}
	return s, nil
}

func (s store) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	w, err := s.Store.Writer(ctx, opts...)
	if err != nil {
		return nil, err
	}
	var o content.WriterOpts
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	if o.Desc.Digest != "" || !layer(o.Desc.MediaType) { // what is fetched goes on where it ended
		return w, nil
	}
	file, err := s.file(o.Ref)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if err := errors.Join(file.Truncate(0), w.Close()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &layerWriter{
		file: file, digester: digest.Canonical.Digester(), began: time.Now(),
		ref: o.Ref, plain: o.Desc.MediaType == ocispec.MediaTypeImageLayer,
		again: func(ctx context.Context) (content.Writer, error) { return s.Store.Writer(ctx, opts...) },
	}, nil
}

func layer(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageLayer || mediaType == ocispec.MediaTypeImageLayerGzip || mediaType == ocispec.MediaTypeImageLayerZstd
}

// file opens the file that what is written under a reference lies in. Beside it lies one with
// the name that containerd knows it by: the namespace, a number, and the reference.
func (s store) file(ref string) (*os.File, error) {
	if s.ingests == "" {
		return nil, fs.ErrNotExist
	}
	all, err := os.ReadDir(s.ingests)
	if err != nil {
		return nil, err
	}
	for _, dir := range all {
		name, err := os.ReadFile(filepath.Join(s.ingests, dir.Name(), "ref"))
		if err != nil {
			continue // it has just been committed
		}
		numbered, ours := strings.CutPrefix(string(name), s.namespace+"/")
		if _, known, _ := strings.Cut(numbered, "/"); ours && known == ref {
			return os.OpenFile(filepath.Join(s.ingests, dir.Name(), "data"), os.O_WRONLY, 0)
		}
	}
	return nil, fs.ErrNotExist
}

// layerWriter writes a layer to its file.
type layerWriter struct {
	file     *os.File
	digester digest.Digester
	size     int64
	ref      string
	began    time.Time
	plain    bool // it is not compressed: its digest is that of what it holds
	again    func(context.Context) (content.Writer, error)
}

func (l *layerWriter) Write(p []byte) (int, error) {
	n, err := l.file.Write(p)
	l.size += int64(n)
	_, _ = l.digester.Hash().Write(p[:n]) // a hash takes all
	return n, err
}

func (l *layerWriter) Digest() digest.Digest { return l.digester.Digest() }

func (l *layerWriter) Status() (content.Status, error) {
	return content.Status{Ref: l.ref, Offset: l.size, StartedAt: l.began, UpdatedAt: time.Now()}, nil
}

// Truncate begins anew: nobody goes on in the middle of a layer.
func (l *layerWriter) Truncate(size int64) error {
	if size != 0 {
		return fmt.Errorf("a layer cannot be gone on with at %d: %w", size, cerrdefs.ErrNotImplemented)
	}
	l.digester, l.size = digest.Canonical.Digester(), 0
	if _, err := l.file.Seek(0, 0); err != nil {
		return err
	}
	return l.file.Truncate(0)
}

// Commit has containerd look at what was written, and take it for what was expected. It notes
// of a layer what BuildKit would note with a call more.
func (l *layerWriter) Commit(ctx context.Context, size int64, expected digest.Digest, opts ...content.Opt) error {
	if expected != "" && expected != l.Digest() {
		return fmt.Errorf("writing a layer: it is %s, want %s: %w", l.Digest(), expected, cerrdefs.ErrFailedPrecondition)
	}
	if err := l.Close(); err != nil {
		return fmt.Errorf("writing a layer: %w", err)
	}
	w, err := l.open(ctx)
	if err != nil {
		return err
	}
	if l.plain {
		opts = append(opts, content.WithLabels(map[string]string{labels.LabelUncompressed: l.Digest().String()}))
	}
	return errors.Join(w.Commit(ctx, l.size, l.Digest(), opts...), w.Close())
}

// openTime is how long the writer before may take to be gone: it has been told to already.
const openTime = 10 * time.Second

// open goes on with what was written.
func (l *layerWriter) open(ctx context.Context) (content.Writer, error) {
	for end := time.Now().Add(openTime); ; {
		w, err := l.again(ctx)
		if !cerrdefs.IsUnavailable(err) || time.Now().After(end) {
			return w, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}

// Close may be called twice.
func (l *layerWriter) Close() error {
	if err := l.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
