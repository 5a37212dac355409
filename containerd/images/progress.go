package images

import (
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Status is how far a layer has come.
type Status string

const (
	Waiting     Status = "waiting"
	Downloading Status = "downloading"
	Downloaded  Status = "downloaded"
	Extracting  Status = "extracting"
	Done        Status = "done" // extracted now
	Uploading   Status = "uploading"
	Uploaded    Status = "uploaded"
	Exists      Status = "exists" // was extracted before, or is in the registry
)

// Progress tells of one layer of an image, and of all.
type Progress struct {
	Layer  string // its digest
	Status Status
	// Current of Total bytes of the layer are on this host, or in the registry.
	Current, Total int64
	// The same of all layers together.
	ImageCurrent, ImageTotal int64
}

// reportInterval is the time between two reports of a layer whose status stays.
const reportInterval = 100 * time.Millisecond

// tracker collects how far the layers are and reports it, one call at a time.
type tracker struct {
	report func(Progress)
	moving Status // Downloading or Uploading

	mu             sync.Mutex
	layers         map[digest.Digest]*layer
	chains         map[string]digest.Digest // snapshot to layer
	current, total int64
}

type layer struct {
	status         Status
	current, total int64
	reported       time.Time
}

func newTracker(report func(Progress), moving Status) *tracker {
	if report == nil {
		report = func(Progress) {}
	}
	return &tracker{report: report, moving: moving, layers: map[digest.Digest]*layer{}, chains: map[string]digest.Digest{}}
}

// expect makes layers known before they are worked on.
func (t *tracker) expect(layers []ocispec.Descriptor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var added []digest.Digest
	for _, d := range layers {
		if t.layers[d.Digest] == nil {
			t.layers[d.Digest] = &layer{status: Waiting, total: d.Size}
			t.total += d.Size
			added = append(added, d.Digest)
		}
	}
	for _, d := range added {
		t.tell(d)
	}
}

// chain says which layer a snapshot shows.
func (t *tracker) chain(snapshot string, of digest.Digest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.chains[snapshot] = of
}

// chainExists says that a snapshot was there already.
func (t *tracker) chainExists(snapshot string) {
	t.mu.Lock()
	d, ok := t.chains[snapshot]
	fresh := ok && t.layers[d] != nil && t.layers[d].status == Waiting
	t.mu.Unlock()
	if fresh {
		t.status(d, Exists)
	}
}

// at says that current bytes of a layer are where they are to be.
func (t *tracker) at(d digest.Digest, current int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.layers[d]
	if l == nil {
		return // a manifest or a configuration
	}
	t.move(l, current)
	if l.status == t.moving && time.Since(l.reported) < reportInterval {
		return
	}
	l.status = t.moving
	t.tell(d)
}

// status sets a layer's status. From Downloaded on, all of it is here.
func (t *tracker) status(d digest.Digest, s Status) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.layers[d]
	if l == nil || l.status == s {
		return
	}
	l.status = s
	if s != Waiting && s != t.moving {
		t.move(l, l.total)
	}
	t.tell(d)
}

func (t *tracker) move(l *layer, current int64) {
	t.current += current - l.current
	l.current = current
}

func (t *tracker) tell(d digest.Digest) {
	l := t.layers[d]
	l.reported = time.Now()
	t.report(Progress{
		Layer: d.String(), Status: l.status, Current: l.current, Total: l.total,
		ImageCurrent: t.current, ImageTotal: t.total,
	})
}
