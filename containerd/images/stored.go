package images

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
)

// Stored is all that the engine stores for us, whatever for.
type Stored struct {
	Parts Parts
	// Below is the layer that each unpacked layer, or what is written on top of some,
	// lies on.
	Below  map[string]string
	Leases []Lease
}

// Lease keeps what is not an image's yet, or is none's.
type Lease struct {
	ID     string
	Labels map[string]string
	Parts  []string
}

// The prefixes of the names of parts that are no blobs.
const (
	layerPart = "layer "
	fetchPart = "fetch "
)

// LayerPart is the part that an unpacked layer is, or what a container has written.
func LayerPart(snapshot string) string { return layerPart + snapshot }

// block is what files take at least of nearly every file system. Only containerd, which
// need not be our own, knows where its blobs lie.
const block = 4096

func allocated(size int64) int64 { return (size + block - 1) / block * block }

// Stored measures all that is stored, what is still being fetched too.
func (s *Store) Stored(ctx context.Context) (Stored, error) {
	ctx = quietly(ctx)
	out := Stored{Parts: Parts{}, Below: map[string]string{}}
	store := s.raw.ContentStore()
	err := store.Walk(ctx, func(i content.Info) error {
		out.Parts[i.Digest.String()] = allocated(i.Size)
		return nil
	})
	if err != nil {
		return out, fmt.Errorf("measuring what was fetched: %w", err)
	}
	unfinished, err := store.ListStatuses(ctx)
	if err != nil {
		return out, fmt.Errorf("measuring what is being fetched: %w", err)
	}
	for _, u := range unfinished {
		out.Parts[fetchPart+u.Ref] = allocated(u.Offset)
	}
	if err := s.storedLayers(ctx, out); err != nil {
		return out, err
	}
	out.Leases, err = s.leases(ctx)
	return out, err
}

func (s *Store) storedLayers(ctx context.Context, out Stored) error {
	err := s.snapshots.Walk(ctx, func(_ context.Context, i snapshots.Info) error {
		out.Parts[LayerPart(i.Name)] = 0
		if i.Parent != "" {
			out.Below[LayerPart(i.Name)] = LayerPart(i.Parent)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("listing unpacked layers: %w", err)
	}
	for part := range out.Parts {
		name, ok := strings.CutPrefix(part, layerPart)
		if !ok {
			continue
		}
		use, err := s.snapshots.Usage(ctx, name)
		if errdefs.IsNotFound(err) { // it has just gone
			delete(out.Parts, part)
			continue
		}
		if err != nil {
			return fmt.Errorf("measuring unpacked layer %s: %w", name, err)
		}
		out.Parts[part] = use.Size
	}
	return nil
}

func (s *Store) leases(ctx context.Context) ([]Lease, error) {
	manager := s.raw.LeasesService()
	all, err := manager.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing leases: %w", err)
	}
	var out []Lease
	for _, l := range all {
		resources, err := manager.ListResources(ctx, l)
		if errdefs.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing what lease %s keeps: %w", l.ID, err)
		}
		lease := Lease{ID: l.ID, Labels: l.Labels}
		for _, r := range resources {
			lease.Parts = append(lease.Parts, s.part(r))
		}
		out = append(out, lease)
	}
	return out, nil
}

func (s *Store) part(r leases.Resource) string {
	switch r.Type {
	case "snapshots/" + s.snapshotter:
		return LayerPart(r.ID)
	case "ingests":
		return fetchPart + r.ID
	}
	return r.ID
}
