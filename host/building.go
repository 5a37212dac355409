package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/registry"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// Builds say what is beside the builds of a command.
type Builds struct {
	// Display is where they are shown; nil: nowhere.
	Display *buildkit.Display
	// Stdin is read for a context that is "-".
	Stdin io.Reader
	// Open, when set, is told of a step that has failed, and says where a program is to run
	// as the step would have.
	Open func(*buildkit.Failure) (buildkit.Terminal, error)
}

// WithBuilds returns the same host, which builds as it is said.
func (h *Host) WithBuilds(b Builds) *Host {
	with := *h
	with.builds = b
	return &with
}

// BuildImage makes an image from sources.
func (h *Host) BuildImage(ctx context.Context, op planner.BuildImage) error {
	if len(op.Unless) > 0 {
		found, err := h.images.For(op.Platform).Find(ctx, op.Unless)
		if len(found) == len(op.Unless) || err != nil {
			return err
		}
	}
	builder, r, err := h.build(ctx, op)
	if err != nil {
		return err
	}
	for service, ref := range op.Images {
		if r.Images[service], err = h.builtImage(ctx, op.Platform, ref); err != nil {
			return ofOther(service, err)
		}
	}
	var result buildkit.Result
	if h.builds.Open != nil {
		result, err = builder.Debug(ctx, r, h.builds.Open)
	} else {
		result, err = builder.Build(ctx, r)
	}
	if err != nil {
		return err
	}
	return h.noteBuilt(ctx, project.Image{Ref: op.Ref, Platform: op.Platform}, result)
}

// CheckBuild has the Dockerfile of a build looked at, and builds nothing. Made are the images that
// the project makes: those of them that it begins with and that are not here are taken for empty
// ones, and returned. Which variables these will define is not known, so of undefined ones
// nothing is said then.
func (h *Host) CheckBuild(ctx context.Context, op planner.BuildImage, made []string) (found []buildkit.Warning, missing []string, err error) {
	builder, r, err := h.build(ctx, op)
	if err != nil {
		return nil, nil, err
	}
	here := func(ref string) (string, error) {
		name, err := h.builtImage(ctx, op.Platform, ref)
		if errors.Is(err, images.ErrNotFound) {
			missing = append(missing, ref)
			return buildkit.Scratch, nil
		}
		return name, err
	}
	for service, ref := range op.Images {
		if r.Images[service], err = here(ref); err != nil {
			return nil, nil, err
		}
	}
	for _, ref := range op.Build.Bases {
		if !slices.Contains(made, ref) {
			continue
		}
		if name, err := here(ref); err != nil {
			return nil, nil, err
		} else if name == buildkit.Scratch {
			r.Build.Contexts = withoutImage(r.Build.Contexts, ref)
		}
	}
	found, err = builder.Check(ctx, r)
	if len(missing) > 0 {
		found = slices.DeleteFunc(found, func(w buildkit.Warning) bool { return strings.HasPrefix(w.Text, "UndefinedVar:") })
	}
	slices.Sort(missing)
	return found, slices.Compact(missing), err
}

// withoutImage returns the contexts with an empty one wherever an image is meant.
func withoutImage(contexts map[string]string, ref string) map[string]string {
	const empty = project.ImageContext + buildkit.Scratch
	out := map[string]string{ref: empty} // the frontend takes it where the Dockerfile names the image
	for name, context := range contexts {
		image, is := strings.CutPrefix(context, project.ImageContext)
		if named, err := reference.ParseDockerRef(image); is && err == nil && named.String() == ref {
			context = empty
		}
		out[name] = context
	}
	return out
}

// build returns who builds, and what it is asked for.
func (h *Host) build(ctx context.Context, op planner.BuildImage) (*buildkit.Client, buildkit.Request, error) {
	builder, err := h.Builder(ctx)
	if err != nil {
		return nil, buildkit.Request{}, err
	}
	gateway, err := h.stepsGateway(ctx, op.Build)
	if err != nil {
		return nil, buildkit.Request{}, err
	}
	if op.Build.Args, err = withProxies(op.Build.Args); err != nil {
		return nil, buildkit.Request{}, err
	}
	r := buildkit.Request{
		Service: op.Service, Names: op.Refs(), Build: op.Build, Contents: h.contents,
		Images: map[string]string{}, Stdin: h.builds.Stdin, HostGateway: gateway,
		Credentials: registry.Credentials,
	}
	if h.builds.Display != nil {
		r.Progress = h.builds.Display.Of(op.Service)
	}
	return builder, r, nil
}

// builtImage returns the name by which buildkitd finds an image that is here.
func (h *Host) builtImage(ctx context.Context, platform, ref string) (string, error) {
	image, err := h.images.For(platform).Get(ctx, ref)
	return ref + "@" + image.Target, err
}

// withProxies adds to a build's arguments the proxies that the user's configuration names,
// as docker does; what the files or the command line say goes before. BuildKit keeps no
// proxies in images, and goes by none when it looks for what it has built.
func withProxies(args map[string]string) (map[string]string, error) {
	all, err := registry.Proxies()
	if len(all) == 0 || err != nil {
		return args, err
	}
	maps.Copy(all, args)
	return all, nil
}

// stepsGateway is what host-gateway means for the steps of a build, if any asks for it.
func (h *Host) stepsGateway(ctx context.Context, b project.Build) (string, error) {
	asks := func(entry string) bool { return strings.HasSuffix(entry, "="+hostGateway) }
	if !slices.ContainsFunc(b.Hosts, asks) {
		return "", nil
	}
	if b.Network == "host" {
		return "127.0.0.1", nil
	}
	gateway, err := h.networks.StepsGateway(ctx)
	return gateway.String(), err
}

// ofOther says that the image of another service, which a build begins with, is not to be had.
func ofOther(service string, err error) error {
	if errors.Is(err, images.ErrPlatform) {
		return fmt.Errorf("it is made with the image of service %s: %w: give both services the same `platform`, or have "+
			"`gocompose build` make that image for both platforms, with services.%[1]s.build.platforms", service, err)
	}
	return fmt.Errorf("the image of service %s: %w", service, err)
}
