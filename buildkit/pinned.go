package buildkit

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// pin finds images of other services in the store, whatever is done about all others: a
// build that asks registries would ask them for these too, which are in none.
func (s *solve) pin(ctx context.Context, g gateway.Client) error {
	for name, ref := range s.pinned {
		for _, platform := range s.targets() {
			if err := s.pinOne(ctx, g, name, ref, platform); err != nil {
				return err
			}
		}
	}
	return nil
}

// targets are the platforms that are built for.
func (s *solve) targets() []string {
	if list := s.attrs["platform"]; list != "" {
		return strings.Split(list, ",")
	}
	return []string{platforms.Format(platforms.DefaultSpec())}
}

func (s *solve) pinOne(ctx context.Context, g gateway.Client, name, ref, platform string) error {
	p, err := platforms.Parse(platform)
	if err != nil {
		return fmt.Errorf("build.platforms: %w", err)
	}
	p = platforms.Normalize(p)
	_, _, config, err := g.ResolveImageConfig(ctx, ref, sourceresolver.Opt{
		LogName:  fmt.Sprintf("[context %s] load metadata for %s", name, ref),
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &p, ResolveMode: llb.ResolveModePreferLocal.String()},
	})
	if err != nil {
		return fmt.Errorf("build.additional_contexts.%s: %w", name, err)
	}
	input, err := image(ctx, g, name, ref, p)
	if err != nil {
		return err
	}
	known, err := json.Marshal(map[string][]byte{exptypes.ExporterImageConfigKey: config})
	if err != nil {
		return err
	}
	key := name + "::" + platforms.FormatAll(p)
	delete(s.attrs, "context:"+name)
	s.attrs["context:"+key] = "input:" + key
	s.attrs["input-metadata:"+key] = string(known)
	s.inputs[key] = input
	return nil
}

func image(ctx context.Context, g gateway.Client, name, ref string, p ocispec.Platform) (*pb.Definition, error) {
	caps := g.BuildOpts().LLBCaps
	state := llb.Image(ref, llb.ResolveModePreferLocal, llb.Platform(p), llb.WithCustomName("[context "+name+"] "+ref))
	def, err := state.Marshal(ctx, llb.WithCaps(caps))
	if err != nil {
		return nil, err
	}
	return def.ToPB(), nil
}

// ask is what the frontend is asked for, by who talks with it.
func (s *solve) ask(ctx context.Context, g gateway.Client) (gateway.SolveRequest, error) {
	if err := s.pin(ctx, g); err != nil {
		return gateway.SolveRequest{}, err
	}
	options := maps.Clone(g.BuildOpts().Opts) // which has the caches too
	for name := range s.pinned {
		delete(options, "context:"+name)
	}
	maps.Copy(options, s.attrs)
	return gateway.SolveRequest{Frontend: frontend, FrontendOpt: options, FrontendInputs: s.inputs}, nil
}
