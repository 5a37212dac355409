package main

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/pkg/labels"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// store is a content store to which layers are sent while they are packed.
type store struct{ content.Store }

func (s store) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	w, err := s.Store.Writer(ctx, opts...)
	if err != nil {
		return nil, err
	}
	var o content.WriterOpts
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	if !layer(o.Desc.MediaType) {
		return w, nil
	}
	return newLayerWriter(w, o.Desc.MediaType == ocispec.MediaTypeImageLayer), nil
}

func layer(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageLayer || mediaType == ocispec.MediaTypeImageLayerGzip || mediaType == ocispec.MediaTypeImageLayerZstd
}

// pieceSize is how much is sent at a time. containerd answers each piece, so that of a
// quarter it takes half as long again, and of more no less.
const pieceSize = 512 << 10

// layerWriter sends what is written while more of it is made.
type layerWriter struct {
	content.Writer

	plain       bool   // it is not compressed: its digest is that of what it holds
	piece, next []byte // the one that is filled, and the other, while that is not sent
	sent        chan error
	err         error
}

func newLayerWriter(w content.Writer, plain bool) *layerWriter {
	return &layerWriter{Writer: w, plain: plain, piece: make([]byte, 0, pieceSize), next: make([]byte, 0, pieceSize)}
}

func (l *layerWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), cap(l.piece)-len(l.piece))
		l.piece = append(l.piece, p[:n]...)
		p, written = p[n:], written+n
		if len(l.piece) < cap(l.piece) {
			break
		}
		if err := l.send(); err != nil {
			return written, err
		}
	}
	return written, nil
}

// send begins to send the piece, when the one before it has been.
func (l *layerWriter) send() error {
	if err := l.wait(); err != nil {
		return err
	}
	piece := l.piece
	l.piece, l.next = l.next[:0], piece
	sent := make(chan error, 1)
	go func() {
		_, err := l.Writer.Write(piece)
		sent <- err
	}()
	l.sent = sent
	return nil
}

// wait returns when nothing is being sent.
func (l *layerWriter) wait() error {
	if l.sent != nil {
		l.err, l.sent = <-l.sent, nil
	}
	return l.err
}

// finish sends what is left.
func (l *layerWriter) finish() error {
	if len(l.piece) > 0 && l.err == nil {
		_ = l.send() // wait returns its error again
	}
	return l.wait()
}

func (l *layerWriter) Digest() digest.Digest {
	_ = l.finish() // Commit returns its error again
	return l.Writer.Digest()
}

func (l *layerWriter) Status() (content.Status, error) {
	if err := l.finish(); err != nil {
		return content.Status{}, err
	}
	return l.Writer.Status()
}

func (l *layerWriter) Truncate(size int64) error {
	if err := l.finish(); err != nil {
		return err
	}
	return l.Writer.Truncate(size)
}

// Commit notes of a layer what BuildKit would note with a call more.
func (l *layerWriter) Commit(ctx context.Context, size int64, expected digest.Digest, opts ...content.Opt) error {
	if err := l.finish(); err != nil {
		return fmt.Errorf("writing a layer: %w", err)
	}
	if l.plain {
		opts = append(opts, content.WithLabels(map[string]string{labels.LabelUncompressed: l.Writer.Digest().String()}))
	}
	return l.Writer.Commit(ctx, size, expected, opts...)
}

func (l *layerWriter) Close() error {
	err := l.wait()
	if cerr := l.Writer.Close(); cerr != nil {
		return cerr
	}
	return err
}
