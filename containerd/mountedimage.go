package containerd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/errdefs"
)

// MountedImage is an image whose files a container mounts.
type MountedImage struct {
	// Target is where.
	Target string
	// Digest and ChainID are as in Image.
	Digest, ChainID string
}

// viewKey names the snapshot by which container id sees the image that it mounts
// at target.
func viewKey(id, target string) string {
	sum := sha256.Sum256([]byte(target))
	return id + "-image-" + hex.EncodeToString(sum[:6])
}

// Snapshots returns the names of those that the container has: of its own files, and of
// the images that it mounts.
func (c Container) Snapshots() []string {
	keys := []string{c.ID}
	for _, target := range slices.Sorted(maps.Keys(c.Record.MountedImages)) {
		keys = append(keys, viewKey(c.ID, target))
	}
	return keys
}

// viewLabel begins the labels by which a container keeps such snapshots from being
// collected as garbage.
const viewLabel = "containerd.io/gc.ref.snapshot."

// views makes the snapshots of a container's images, and returns the labels with
// which the container keeps them. Until it is there, only a lease does.
func (c *Client) views(ctx context.Context, req CreateRequest) (map[string]string, error) {
	labels := map[string]string{}
	for _, i := range req.MountedImages {
		key := viewKey(req.ID, i.Target)
		_, err := c.Snapshots().View(ctx, key, i.ChainID)
		if err != nil && !errdefs.IsAlreadyExists(err) {
			return nil, fmt.Errorf("the image mounted at %s: %w", i.Target, err)
		}
		labels[viewLabel+c.cfg.Snapshotter+"/"+key[len(req.ID)+1:]] = key
	}
	return labels, nil
}

// viewsOf returns the snapshots that labels keep.
func viewsOf(labels map[string]string) []string {
	var keys []string
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if strings.HasPrefix(label, viewLabel) {
			keys = append(keys, labels[label])
		}
	}
	return keys
}

// digests maps the targets of images to their digests.
func digests(list []MountedImage) map[string]string {
	if len(list) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, i := range list {
		out[i.Target] = i.Digest
	}
	return out
}

// MountImage mounts, at a path of the host, the image that container id mounts at
// target, to be read.
func (c *Client) MountImage(ctx context.Context, id, target, path string) error {
	mounts, err := c.Snapshots().Mounts(ctx, viewKey(id, target))
	if err != nil {
		return fmt.Errorf("finding the image's files: %w", err)
	}
	return mount.All(mounts, path)
}
