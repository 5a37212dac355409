// Package images keeps the images of this host: in containerd's content store,
// and unpacked into snapshots.
package images

import (
	"context"
	"runtime"
	"sync"
	"time"

	client "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/log"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/semaphore"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/project"
)

// Image is one name of an image on this host, for one platform.
type Image struct {
	// Ref is the name, as Docker normalises it: docker.io/library/nginx:1.27.
	// An image without a name has its ID here.
	Ref string
	// Digest is of the platform's manifest, ID of the image's configuration.
	Digest, ID string
	// Target is the digest of what the name stands for: of the manifest, or of an
	// index with those of several platforms.
	Target string
	Config ocispec.ImageConfig
	// Healthcheck is the image's own, or nil, and Shell what runs the commands of
	// its Dockerfile, empty for /bin/sh -c: Docker's additions to the OCI image
	// configuration (https://github.com/moby/docker-image-spec).
	Healthcheck *project.Healthcheck
	Shell       []string
	Platform    string // "linux/amd64"
	// Size is that of the manifest, the configuration and the layers as the
	// registry has them, in bytes.
	Size int64
	// CreatedAt is when the image was built, zero if it does not say; UpdatedAt
	// when it was pulled or loaded last.
	CreatedAt, UpdatedAt time.Time
	// ChainID names the snapshot with the image's files. Empty for an image
	// without layers.
	ChainID string
}

// Store is the images of one containerd, for one platform. It can be used from any
// goroutine.
type Store struct {
	*common
	platform platforms.MatchComparer
	// foreign is the platform when it is not the host's: "linux/arm64".
	foreign string
}

// common is what the stores of all platforms share.
type common struct {
	raw         *client.Client
	snapshotter string
	snapshots   snapshots.Snapshotter

	// Limits that all pulls and loads share, and what keeps two of them from
	// doing the same work.
	downloads *semaphore.Weighted
	unpacks   *semaphore.Weighted
	locks     *locks

	mu           sync.Mutex
	configs      map[string]config // by ID: they never change
	capabilities []string          // of the snapshotter, nil if not asked yet
	parallel     bool
}

// maxDownloads is how many layers are fetched at once. Docker fetches three of
// each image.
const maxDownloads = 6

// New returns the images of c, for the host's platform.
func New(c *containerd.Client) *Store {
	return &Store{platform: platforms.Default(), common: &common{
		raw:         c.Raw(),
		snapshotter: c.Config().Snapshotter,
		snapshots:   c.Snapshots(),
		downloads:   semaphore.NewWeighted(maxDownloads),
		unpacks:     semaphore.NewWeighted(int64(min(4, max(2, runtime.GOMAXPROCS(0))))),
		locks:       newLocks(),
		configs:     map[string]config{},
	}}
}

// For returns the same images for another platform, "linux/arm64"; for "", as
// they are. The platform must be one that project/loader has accepted.
func (s *Store) For(platform string) *Store {
	p, err := platforms.Parse(platform)
	if platform == "" || err != nil {
		return s
	}
	return &Store{common: s.common, platform: platforms.Only(p), foreign: platforms.Format(platforms.Normalize(p))}
}

// quietly keeps containerd's client from writing to standard error.
func quietly(ctx context.Context) context.Context {
	l := logrus.New()
	l.SetLevel(logrus.PanicLevel)
	return log.WithLogger(ctx, logrus.NewEntry(l))
}
