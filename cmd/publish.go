package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/registry"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/remote"
)

type publishFlags struct {
	resolve, withEnv, yes, app bool
	ociVersion                 string
}

func (a *app) publishCommand() *cobra.Command {
	var f publishFlags
	c := &cobra.Command{
		Use:   "publish [OPTIONS] REPOSITORY[:TAG]",
		Short: "Publish compose application",
		Long: "Sends the project's Compose files to a registry, as an artifact in docker compose's form, and the images of the services\n" +
			"that have build and image to theirs. The files are sent as they are written: values of variables, env files and literal\n" +
			"contents are refused, with their places, unless --with-env says that everybody may see them. Of folders of this host\n" +
			"that services mount only the names are in it; it names them and asks before, unless --yes is given. With --app the\n" +
			"images of all services are copied into the repository, for all their platforms, and named by their digests, so that\n" +
			"they are found there.",
		Example: "gocompose publish registry.example.com/shop:1.0\n" +
			"gocompose publish --resolve-image-digests --yes registry.example.com/shop:1.0",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("%q needs one REPOSITORY, got %q", c.CommandPath(), args)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.publish(c.Context(), args[0], f) },
	}
	fs := c.Flags()
	fs.BoolVar(&f.app, "app", false, "Published compose application (includes referenced images)")
	fs.BoolVar(&f.resolve, "resolve-image-digests", false, "Pin image tags to digests")
	fs.StringVar(&f.ociVersion, "oci-version", "", "OCI image/artifact specification version: 1.0 or 1.1 (automatically determined by default)")
	fs.BoolVar(&f.withEnv, "with-env", false, "Include environment variables in the published OCI artifact")
	fs.BoolVarP(&f.yes, "yes", "y", false, yesUsage)
	return c
}

func (a *app) publish(ctx context.Context, ref string, f publishFlags) error {
	version := images.OCIVersion(f.ociVersion)
	if version != images.OCIAny && version != images.OCI10 && version != images.OCI11 {
		return usage("--oci-version is %q: want 1.0 or 1.1", f.ociVersion)
	}
	named, err := reference.ParseDockerRef(ref)
	if err != nil {
		return usage("invalid name %q of a repository: %v", ref, err)
	}
	opt, err := a.loadOptions()
	if err != nil {
		return err
	}
	opt.WithEnv = f.withEnv
	f.resolve = f.resolve || f.app // by a tag they would be looked for in their own registries alone
	app, err := loader.Publishable(ctx, opt)
	if err != nil {
		return err
	}
	if err := a.mayRead(ctx, "publish", f.yes, app.Name, app.Elsewhere); err != nil {
		return err
	}
	if yes, err := a.mayPublish(ctx, app, f); !yes || err != nil {
		return err
	}
	if err := a.pushBuilt(ctx); err != nil {
		return err
	}
	artifact, err := a.artifact(ctx, app, f, opt)
	if err != nil {
		return err
	}
	if a.globals.dryRun {
		for _, l := range artifact.Layers {
			fmt.Fprintf(a.Err, "DRY-RUN MODE -  %s publishing %s\n", ref, l.Annotations[remote.FileNote]+l.Annotations[remote.EnvNote])
		}
		return nil
	}
	desc, err := images.PushArtifact(ctx, named.String(), artifact, version, registry.Config{})
	if err == nil && f.app {
		err = a.publishImages(ctx, named.String(), app.Images, desc)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "%s published: %s\n", ref, desc.Digest)
	return nil
}

// publishImages copies the images of services into the repository, and says there that
// they are of the artifact.
func (a *app) publishImages(ctx context.Context, ref string, all []string, of ocispec.Descriptor) error {
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, ArtifactType: remote.ApplicationType,
		Subject: &of, Manifests: []ocispec.Descriptor{}, Annotations: map[string]string{remote.VersionNote: a.version},
	}
	for _, image := range all {
		desc, err := images.CopyImage(ctx, image, ref, registry.Config{})
		if err != nil {
			return err
		}
		index.Manifests = append(index.Manifests, desc)
	}
	return images.PushIndex(ctx, ref, index, registry.Config{})
}

// mayPublish asks whether the names of folders may be seen.
func (a *app) mayPublish(ctx context.Context, app loader.Application, f publishFlags) (bool, error) {
	if len(app.Binds) == 0 || f.yes || a.globals.dryRun {
		return true, nil
	}
	fmt.Fprintf(a.Err, "you are about to publish bind mounts declaration within your OCI artifact.\n"+
		"only the bind mount declarations will be added to the OCI artifact (not content)\n"+
		"please double check that you are not mounting potential user's sensitive directories or data\n%s\n", strings.Join(app.Binds, "\n"))
	return a.ask(ctx, "Are you ok to publish these bind mount declarations?")
}

// pushBuilt pushes the images that are built here; without them the files are of no use
// elsewhere, but they may be there already.
func (a *app) pushBuilt(ctx context.Context) error {
	push := ofImages("push", nil, true)
	push.yes = true // publish has asked
	p, err := a.load(ctx, nil, push.load)
	if err != nil {
		return err
	}
	opt := planner.Options{Lenient: true}
	if planner.PushServices(p, opt).Empty() {
		return nil
	}
	push.plan = func(p *project.Project, _ planner.Observed) (*planner.Plan, error) {
		return planner.PushServices(p, opt), nil
	}
	return a.change(ctx, push)
}

// artifact returns what is published, in docker compose's form.
func (a *app) artifact(ctx context.Context, app loader.Application, f publishFlags, opt loader.Options) (images.Artifact, error) {
	out := images.Artifact{
		Type: remote.ApplicationType, EmptyConfig: remote.EmptyType,
		Annotations: map[string]string{"org.opencontainers.image.created": time.Now().UTC().Format(time.RFC3339)},
	}
	add := func(kind, note string, file loader.PublishedFile, more ...string) {
		notes := map[string]string{remote.VersionNote: a.version, note: file.Name}
		for _, m := range more {
			notes[m] = "true"
		}
		out.Layers = append(out.Layers, images.Layer{MediaType: kind, Annotations: notes, Content: file.Content})
	}
	for _, file := range app.Files {
		add(remote.FileType, remote.FileNote, file)
	}
	for _, file := range app.Extended {
		add(remote.FileType, remote.FileNote, file, remote.ExtendsNote)
	}
	for _, file := range app.EnvFiles {
		add(remote.EnvType, remote.EnvNote, file)
	}
	if !f.resolve {
		return out, nil
	}
	opt.Profiles = []string{"*"}
	m, err := loader.LoadModel(ctx, opt, loader.ModelOptions{NoEnvResolution: true})
	if err != nil {
		return out, err
	}
	if err := pinImages(ctx, m); err != nil {
		return out, err
	}
	text, err := m.ImagesOnly().YAML()
	add(remote.FileType, remote.FileNote, loader.PublishedFile{Name: "image-digests.yaml", Content: text})
	return out, err
}

func pinImages(ctx context.Context, m *loader.Model) error {
	return m.PinImages(ctx, func(ctx context.Context, ref string) (string, error) {
		return images.Resolve(ctx, ref, registry.Config{})
	})
}
