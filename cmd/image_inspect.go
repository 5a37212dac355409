package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func (a *app) imageInspectCommand() *cobra.Command {
	var format, platform string
	c := &cobra.Command{
		Use:   "inspect [OPTIONS] IMAGE [IMAGE...]",
		Short: "Display detailed information on one or more images",
		Long: "Shows, as a JSON array in docker's form, what is known of images: what they run and with which variables, their names,\n" +
			"layers and labels. Nothing is run for it.",
		Example: "gocompose image inspect nginx:1.27\n" +
			"gocompose image inspect --format '{{.Config.Env}}' nginx:1.27",
		Args:              atLeastOne("IMAGE"),
		ValidArgsFunction: a.completeImages,
		RunE: func(c *cobra.Command, refs []string) error {
			asked, err := platformOf(platform)
			if err != nil {
				return err
			}
			return a.imageInspect(c.Context(), format, asked, refs)
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "", "Format the output: json, or a Go template that is printed for each image")
	c.Flags().StringVar(&platform, "platform", "", "Inspect what is there for this platform (e.g. linux/arm64)")
	return c
}

// imageInspect shows the images that there are, even when not all are.
func (a *app) imageInspect(ctx context.Context, format, platform string, refs []string) error {
	var r rows
	var err error
	if format != "" {
		if r, err = inspectionRows(format); err != nil {
			return err
		}
	}
	found := []imageInspection{}
	err = a.lookAtImage(ctx, refs[0], func(s *images.Store) error {
		var errs []error
		for _, ref := range refs {
			d, err := s.For(platform).Details(ctx, ref)
			if err == nil {
				found = append(found, inspectImage(d))
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	return errors.Join(err, printResources(a.Out, r, format, found))
}

// imageInspection is an image as docker's `image inspect` has it.
type imageInspection struct {
	ID            string `json:"Id"`
	RepoTags      []string
	RepoDigests   []string
	Comment       string
	Created       string `json:",omitempty"` // RFC 3339
	Author        string
	Config        imageConfig
	Architecture  string
	Variant       string `json:",omitempty"`
	Os            string
	Size          int64
	RootFS        imageRootFS
	Metadata      imageMetadata
	Descriptor    ocispec.Descriptor
	DockerVersion string // who built it: not known
}

type imageConfig struct {
	User         string
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Env          []string
	Cmd          []string
	Healthcheck  *imageHealthcheck   `json:",omitempty"`
	ArgsEscaped  bool                `json:",omitempty"`
	Volumes      map[string]struct{} `json:",omitempty"`
	WorkingDir   string
	Entrypoint   []string
	OnBuild      []string `json:",omitempty"`
	Labels       map[string]string
	StopSignal   string   `json:",omitempty"`
	Shell        []string `json:",omitempty"`
}

// imageHealthcheck has durations in nanoseconds.
type imageHealthcheck struct {
	Test                                          []string
	Interval, Timeout, StartPeriod, StartInterval time.Duration `json:",omitempty"`
	Retries                                       int           `json:",omitempty"`
}

type imageRootFS struct {
	Type   string
	Layers []string
}

type imageMetadata struct{ LastTagTime time.Time }

func inspectImage(d images.Details) imageInspection {
	words := append(strings.Split(d.Platform, "/"), "") // linux/arm/v7
	out := imageInspection{
		ID: d.ID, RepoTags: []string{}, RepoDigests: []string{}, Author: d.Author, Architecture: words[1], Variant: d.Variant, Os: words[0], Size: d.Size,
		Config: imageConfig{
			User: d.Config.User, ExposedPorts: d.Config.ExposedPorts, Env: d.Config.Env, Cmd: d.Config.Cmd, Volumes: d.Config.Volumes,
			WorkingDir: d.Config.WorkingDir, Entrypoint: d.Config.Entrypoint, OnBuild: d.OnBuild, Labels: d.Config.Labels,
			StopSignal: d.Config.StopSignal, Shell: d.Shell, Healthcheck: inspectHealthcheck(d.Healthcheck),
		},
		RootFS:     imageRootFS{"layers", d.Layers},
		Metadata:   imageMetadata{d.UpdatedAt},
		Descriptor: d.Descriptor,
	}
	if d.CreatedAt.Unix() > 0 {
		out.Created = d.CreatedAt.Format(time.RFC3339Nano)
	}
	if n := len(d.History); n > 0 {
		out.Comment = d.History[n-1].Comment
	}
	for _, n := range d.Names {
		if splitImage(n.Ref).tag != noName {
			out.RepoTags = append(out.RepoTags, planner.ShortImage(n.Ref))
		}
		if digest := repositoryDigest(n.Ref, n.Target); !slices.Contains(out.RepoDigests, digest) {
			out.RepoDigests = append(out.RepoDigests, digest)
		}
	}
	return out
}

func inspectHealthcheck(h *project.Healthcheck) *imageHealthcheck {
	if h == nil {
		return nil
	}
	return &imageHealthcheck{
		Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
	}
}
