package project

import "time"

// Image names an image for one platform.
type Image struct {
	Ref      string // normalised: "docker.io/library/nginx:1.27"
	Platform string // normalised: "linux/arm64"; empty: the host's own
}

// String returns the reference, and in brackets the platform that is not the
// host's own: no reference has such.
func (i Image) String() string {
	if i.Platform == "" {
		return i.Ref
	}
	return i.Ref + "[" + i.Platform + "]"
}

// ID returns "image/<name>".
func (i Image) ID() ID { return ID{KindImage, i.String()} }

// WantedImage is the image that the container is made from.
func (c Container) WantedImage() Image { return Image{c.Image, c.Platform} }

// Images returns what the container is made of: its image, and those that it
// mounts, for the host's platform.
func (c Container) Images() []Image {
	images := []Image{c.WantedImage()}
	for _, m := range c.Mounts {
		if m.Type == MountImage {
			images = append(images, Image{Ref: m.Source})
		}
	}
	return images
}

// AllImages returns Images, and those of the containers that run before its start.
func (c Container) AllImages() []Image {
	images := c.Images()
	for _, before := range c.Hooks.BeforeStart {
		images = append(images, before.Container.Images()...)
	}
	return images
}

// PullPolicy says when a service's image is pulled before it is looked at. Its
// zero value: when it is not on the host.
type PullPolicy struct {
	When PullTime `json:"when,omitempty"`
	// After is how old the last look at the registry may be, with PullAfter.
	After time.Duration `json:"after,omitempty"`
	// Written is what the Compose file says: "daily", "every_12h".
	Written string `json:"written,omitempty"`
}

// PullTime is when an image is pulled.
type PullTime string

const (
	PullMissing PullTime = ""       // when it is not on the host
	PullAlways  PullTime = "always" // each time the project is brought up
	PullNever   PullTime = "never"
	PullBuild   PullTime = "build" // never: it is built, each time too
	PullAfter   PullTime = "after" // when the last look at the registry is too long ago
)
