package buildkit

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver/pb"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"
)

const frontend = "dockerfile.v0"

// Build builds an image into the image store of the containerd that buildkitd works
// on, unpacked, and gives it its names when it is complete. A failure that the build's
// sources are the cause of is a *Failure. An image of which nothing has changed is the
// same as before, with the same digest.
//
// Pushing is not part of it: what was built is in the store like any other image.
func (c *Client) Build(ctx context.Context, r Request) (Result, error) {
	return c.build(ctx, r, nil)
}

// talk is what is done with the frontend, where it is not simply asked for the image.
type talk func(context.Context, gateway.Client, *solve, *steps) (*gateway.Result, error)

// simply asks for the image.
func simply(ctx context.Context, g gateway.Client, s *solve, _ *steps) (*gateway.Result, error) {
	request, err := s.ask(ctx, g)
	if err != nil {
		return nil, err
	}
	return g.Solve(ctx, request)
}

func (c *Client) build(ctx context.Context, r Request, talk talk) (Result, error) {
	s, err := newSolve(r)
	if err != nil {
		return Result{}, r.failed(err)
	}
	opt := s.options()
	if len(r.Names) > 0 {
		opt.Exports = []client.ExportEntry{r.export()}
	}
	if len(s.pinned) > 0 && talk == nil {
		talk = simply
	}
	seen := newSteps(r)
	statuses := make(chan *client.SolveStatus)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for status := range statuses {
			seen.add(status)
			r.Progress.tell(status)
		}
	}()
	ctx = alone(ctx)
	var answer *client.SolveResponse
	if talk == nil {
		answer, err = c.client.Solve(ctx, nil, opt, statuses)
	} else {
		answer, err = c.client.Build(ctx, opt, "", func(ctx context.Context, g gateway.Client) (*gateway.Result, error) {
			return talk(ctx, g, s, seen)
		}, statuses)
	}
	<-done
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	switch {
	case err != nil && seen.cause != nil: // BuildKit tells of the shell's exit code instead
		return Result{}, seen.failure(seen.cause)
	case err != nil:
		return Result{}, seen.failure(err)
	}
	r.Progress.warn(seen.warnings)
	return Result{Digest: answer.ExporterResponse[exptypes.ExporterImageDigestKey], Index: isIndex(answer), Warnings: seen.warnings}, nil
}

// isIndex tells whether an index was made, and not one image.
func isIndex(answer *client.SolveResponse) bool {
	var desc ocispec.Descriptor
	text, err := base64.StdEncoding.DecodeString(answer.ExporterResponse[exptypes.ExporterImageDescriptorKey])
	return err != nil || json.Unmarshal(text, &desc) != nil || !images.IsManifestType(desc.MediaType)
}

// solve is a request in BuildKit's words.
type solve struct {
	attrs        map[string]string
	folders      map[string]fsutil.FS
	layouts      layouts
	session      []session.Attachable
	imports      []client.CacheOptionsEntry
	exports      []client.CacheOptionsEntry
	entitlements []string
	pinned       map[string]string         // contexts that are images of this store, also when registries are asked
	inputs       map[string]*pb.Definition // what the frontend gets of these
	sharedKey    string
}

func newSolve(r Request) (*solve, error) {
	s := &solve{attrs: map[string]string{}, folders: map[string]fsutil.FS{}, layouts: layouts{}, pinned: map[string]string{}, inputs: map[string]*pb.Definition{}}
	for _, convert := range []func(Request) error{s.sources, s.contexts, s.values, s.container, s.caches, s.attestations, s.ahead, s.attach} {
		if err := convert(r); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *solve) options() client.SolveOpt {
	return client.SolveOpt{
		Frontend:            frontend,
		FrontendAttrs:       s.attrs,
		LocalMounts:         s.folders,
		OCIStores:           s.layouts,
		SharedKey:           s.sharedKey,
		CacheImports:        s.imports,
		CacheExports:        s.exports,
		Session:             s.session,
		AllowedEntitlements: s.entitlements,
		Internal:            true, // nobody asks buildkitd for the history of its builds
	}
}
