package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// PullImage fetches an image and unpacks it.
func (h *Host) PullImage(ctx context.Context, image project.Image, progress func(executor.Progress)) error {
	opt := images.PullOptions{Progress: layerwise(progress), Also: h.cfg.Repositories}
	if by := h.trust.on(image); len(by) > 0 {
		opt.Check = func(ctx context.Context, r images.Remote) error {
			return h.verify(ctx, subject{image.Ref, r.Target, r.Manifest}, by)
		}
	}
	_, err := h.images.For(image.Platform).Pull(ctx, image.Ref, opt)
	return err
}

// PushImage sends an image to its registry.
func (h *Host) PushImage(ctx context.Context, image project.Image, progress func(executor.Progress)) error {
	return h.images.For(image.Platform).Push(ctx, image.Ref, images.PushOptions{Progress: layerwise(progress)})
}

// layerwise hands on what the adapter tells.
func layerwise(progress func(executor.Progress)) func(images.Progress) {
	return func(p images.Progress) {
		progress(executor.Progress{Current: p.ImageCurrent, Total: p.ImageTotal, Layer: executor.Layer{
			ID: shortDigest(p.Layer), State: layerState(p.Status), Current: p.Current, Total: p.Total,
		}})
	}
}

// shortDigest is what docker shows of a layer's digest.
func shortDigest(digest string) string {
	const digits = 12
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(len(hex), digits)]
}

func layerState(s images.Status) executor.LayerState {
	switch s {
	case images.Downloading:
		return executor.LayerFetching
	case images.Downloaded:
		return executor.LayerFetched
	case images.Extracting:
		return executor.LayerUnpacking
	case images.Done:
		return executor.LayerUnpacked
	case images.Uploading:
		return executor.LayerSending
	case images.Uploaded:
		return executor.LayerSent
	case images.Exists:
		return executor.LayerThere
	default:
		return executor.LayerWaiting
	}
}

// RemoveImage takes a name of an image away.
func (h *Host) RemoveImage(ctx context.Context, op planner.RemoveImage) error {
	if !op.Used {
		users, err := h.ImageUsers(ctx)
		if err != nil {
			return err
		}
		if names := users[project.Image{Ref: op.Ref}.ID()]; len(names) > 0 {
			return fmt.Errorf("%s made from it: remove it first", listed(names))
		}
		needed, err := h.neededImages()
		if err != nil {
			return err
		}
		if who := needed[op.Ref]; len(who) > 0 {
			return fmt.Errorf("another command needs it for %s: wait for that to end", strings.Join(who, ", "))
		}
	}
	err := h.images.Remove(ctx, op.Ref)
	if errors.Is(err, images.ErrNotFound) {
		return nil
	}
	return err
}

func listed(containers []string) string {
	if len(containers) == 1 {
		return "container " + containers[0] + " is"
	}
	return "containers " + strings.Join(containers, ", ") + " are"
}

// ImageUsers returns, of each image by each of its names, the names of the containers that
// are made from it or mount it, whether they run or not. What has been removed or
// replaced by another image of that name has none.
func (h *Host) ImageUsers(ctx context.Context) (map[project.ID][]string, error) {
	all, err := h.containerd.Containers(ctx, containerd.Filter{})
	if err != nil {
		return nil, err
	}
	users := imageUsers(all)
	list, err := h.images.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range list {
		id := project.Image{Ref: i.Ref}.ID()
		for _, c := range all {
			if !slices.Contains(users[id], c.Record.Spec.Name) && soleName(list, i) && madeFrom(c, i.Digest) {
				users[id] = append(users[id], c.Record.Spec.Name)
			}
		}
	}
	for _, names := range users {
		slices.Sort(names)
	}
	return users, nil
}

// Image is what people want to know about a name of an image.
type Image struct {
	images.Image
	// Users are the names of the containers that have it, whether they run or not.
	Users []string
	// Needed are those for which commands that are going on need it: "project shop".
	Needed []string
}

// ListImages returns all images by all their names, sorted, with who uses them.
func (h *Host) ListImages(ctx context.Context) ([]Image, error) {
	list, err := h.images.List(ctx)
	if err != nil {
		return nil, err
	}
	users, err := h.ImageUsers(ctx)
	if err != nil {
		return nil, err
	}
	needed, err := h.neededImages()
	if err != nil {
		return nil, err
	}
	out := make([]Image, len(list))
	for i, img := range list {
		out[i] = Image{img, users[project.Image{Ref: img.Ref}.ID()], needed[img.Ref]}
	}
	return out, nil
}

// soleName tells whether an image has no other name.
func soleName(list []images.Image, image images.Image) bool {
	return !slices.ContainsFunc(list, func(i images.Image) bool { return i.ID == image.ID && i.Ref != image.Ref })
}

func madeFrom(c containerd.Container, digest string) bool {
	if c.Record.ImageDigest == digest {
		return true
	}
	for _, mounted := range c.Record.MountedImages {
		if mounted == digest {
			return true
		}
	}
	return false
}

// imageUsers returns the names of the containers that have each image, by its name.
func imageUsers(all []containerd.Container) map[project.ID][]string {
	users := map[project.ID][]string{}
	for _, c := range all {
		for _, i := range c.Record.Spec.AllImages() {
			id := project.Image{Ref: i.Ref}.ID()
			if !slices.Contains(users[id], c.Record.Spec.Name) {
				users[id] = append(users[id], c.Record.Spec.Name)
			}
		}
	}
	return users
}

// ObserveImages returns the images of p that are here, and nothing else of what
// Observe returns.
func (h *Host) ObserveImages(ctx context.Context, p *project.Project) (planner.Observed, error) {
	obs := planner.Observed{Images: map[string]string{}, Pulled: map[string]time.Time{}, Verified: map[string][]string{}}
	refs := map[string][]string{} // by platform
	for _, s := range slices.Concat(p.Services, p.Bases) {
		for _, i := range s.Template.AllImages() {
			refs[i.Platform] = append(refs[i.Platform], i.Ref)
		}
	}
	for platform, refs := range refs {
		found, err := h.images.For(platform).Find(ctx, refs)
		if err != nil {
			return obs, err
		}
		for ref, f := range found {
			image := project.Image{Ref: ref, Platform: platform}
			key := image.String()
			obs.Images[key], obs.Pulled[key] = f.Digest, f.At
			if obs.Verified[key], err = h.verified(image, f); err != nil {
				return obs, err
			}
		}
	}
	return obs, nil
}

// BuiltImages returns the names of the images that were built for a project, with the
// services that they were built for.
func (h *Host) BuiltImages(ctx context.Context, project string) (map[string]string, error) {
	list, err := h.images.List(ctx)
	if err != nil {
		return nil, err
	}
	built := map[string]string{}
	for _, i := range list {
		labels := i.Config.Labels
		if service := labels["com.docker.compose.service"]; service != "" && labels["com.docker.compose.project"] == project && !i.Dangling() {
			built[i.Ref] = service
		}
	}
	return built, nil
}
