package host

import (
	"context"
	"time"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// PullImage fetches an image and unpacks it.
func (h *Host) PullImage(ctx context.Context, image project.Image, progress func(current, total int64)) error {
	_, err := h.images.For(image.Platform).Pull(ctx, image.Ref, images.PullOptions{Progress: func(p images.Progress) {
		progress(p.ImageCurrent, p.ImageTotal)
	}})
	return err
}

// ObserveImages returns the images of p that are here, and nothing else of what
// Observe returns.
func (h *Host) ObserveImages(ctx context.Context, p *project.Project) (planner.Observed, error) {
	obs := planner.Observed{Images: map[string]string{}, Pulled: map[string]time.Time{}}
	refs := map[string][]string{} // by platform
	for _, s := range p.Services {
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
			key := project.Image{Ref: ref, Platform: platform}.String()
			obs.Images[key], obs.Pulled[key] = f.Digest, f.At
		}
	}
	return obs, nil
}
