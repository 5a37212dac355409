package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
)

func (a *app) imageCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "image COMMAND",
		Short: "List, pull, push, load, save and remove images",
		Long: "Lists, inspects, moves and removes the images of this host, as docker's commands of the same names do: those of\n" +
			"projects and all others.",
		Args:                       knownCommand,
		SuggestionsMinimumDistance: 2,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.imageHistoryCommand(), a.imageInspectCommand(), a.imageListCommand(), a.imageLoadCommand(), a.imagePruneCommand(),
		a.imagePullCommand(), a.imagePushCommand(), a.imageRemoveCommand(), a.imageSaveCommand(), a.imageTagCommand())
	return c
}

// imageSteps are the names of images that a command takes away.
type imageSteps = resourceSteps[planner.RemoveImage]

// imageChange is one command that takes images away.
type imageChange = resourceChange[host.Image, planner.RemoveImage]

// imageKind is what all removals of images have in common.
func (a *app) imageKind() resource[host.Image, planner.RemoveImage] {
	return resource[host.Image, planner.RemoveImage]{
		app: a, name: "images", look: a.images,
		users:   func(ctx context.Context, h *host.Host) ([]host.Image, error) { return h.ListImages(ctx) },
		want:    func(i host.Image) planner.RemoveImage { return planner.RemoveImage{Ref: i.Ref} },
		called:  func(r planner.RemoveImage) string { return r.Ref },
		itself:  func(i host.Image) string { return i.Ref + " " + i.Target },
		project: func(planner.RemoveImage) string { return "" },
		plan:    func(_, remove []planner.RemoveImage) *planner.Plan { return planner.RemoveImages(remove) },
	}
}

// images returns the images of this host. Where no engine ever ran there are none.
func (a *app) images(ctx context.Context) ([]host.Image, error) {
	h, err := a.openExisting(ctx)
	if h == nil || err != nil {
		return nil, err
	}
	defer h.Close()
	return h.ListImages(ctx)
}

// withImages runs do with what it makes kept from the garbage collector.
func (a *app) withImages(ctx context.Context, do func(context.Context, *images.Store) error) (err error) {
	if a.globals.dryRun {
		return errNoDryRun()
	}
	h, err := a.openHost(ctx)
	if err != nil {
		return err
	}
	defer h.Close()
	leased, lease, err := h.Lease(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.End(context.WithoutCancel(ctx))) }()
	return do(leased, h.Images())
}

// lookAtImage runs do with the images of this host, of which there are none where no
// engine ever ran.
func (a *app) lookAtImage(ctx context.Context, ref string, do func(*images.Store) error) error {
	h, err := a.openExisting(ctx)
	if err != nil {
		return err
	}
	if h == nil {
		return errNoImage(ref)
	}
	defer h.Close()
	return do(h.Images())
}

func errNoImage(ref string) error {
	return fmt.Errorf("image %s is not on this host: pull it, or load it with \"gocompose image load\"", ref)
}

// imagesNamed are those that ref means: one by its name, or all names of the one whose ID
// begins so.
func imagesNamed(all []host.Image, ref string) ([]host.Image, error) {
	var found []host.Image
	if named, err := reference.ParseDockerRef(ref); err == nil {
		for _, i := range all {
			if i.Ref == named.String() {
				found = append(found, i)
			}
		}
	}
	ids := map[string]bool{}
	if id := strings.TrimPrefix(ref, "sha256:"); len(found) == 0 && id != "" {
		for _, i := range all {
			if strings.HasPrefix(strings.TrimPrefix(i.ID, "sha256:"), id) {
				found = append(found, i)
				ids[i.ID] = true
			}
		}
	}
	switch {
	case len(found) == 0:
		return nil, errNoImage(ref)
	case len(ids) > 1:
		return nil, fmt.Errorf("image ID %s: %d images begin with it: give more digits", ref, len(ids))
	}
	return found, nil
}

// completeImages completes names that are not given yet.
func (a *app) completeImages(c *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	all, err := a.images(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, i := range all {
		if name := planner.ShortImage(i.Ref); !slices.Contains(given, name) {
			names = append(names, name)
		}
	}
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}

// platformOf returns the normalised platform that a flag names, empty for the host's own.
func platformOf(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	p, err := platforms.Parse(text)
	if err != nil {
		return "", usage("--platform, or DOCKER_DEFAULT_PLATFORM, is %q: want one like linux/arm64", text)
	}
	asked := platforms.Format(platforms.Normalize(p))
	if asked == hostPlatform() {
		return "", nil
	}
	return asked, nil
}

func hostPlatform() string { return platforms.Format(platforms.Normalize(platforms.DefaultSpec())) }

// imageName is a name of an image as docker's lists have it.
type imageName struct{ repository, tag, digest string }

const noName = "<none>"

func splitImage(ref string) imageName {
	out := imageName{noName, noName, noName}
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil || strings.HasPrefix(ref, "sha256:") {
		return out
	}
	out.repository = reference.FamiliarName(named)
	if t, ok := named.(reference.Tagged); ok {
		out.tag = t.Tag()
	}
	if d, ok := named.(reference.Digested); ok {
		out.digest = d.Digest().String()
	}
	return out
}

// shortDigest returns the first 12 hexadecimal digits, as Docker shows them.
func shortDigest(d string) string {
	const prefix = "sha256:"
	if len(d) >= len(prefix)+12 {
		return d[len(prefix) : len(prefix)+12]
	}
	return d
}

func ago(t time.Time) string {
	if t.IsZero() || t.Unix() <= 0 {
		return notAvailable
	}
	return units.HumanDuration(time.Since(t)) + " ago"
}

func sizeText(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) }
