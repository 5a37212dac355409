//go:build live

package host

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	gcname "github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/project"
)

// The root folder has some more than what is told of: databases of the engine (512 KiB),
// and three folders of each snapshot with what leads to them (16 KiB).
const (
	databases       = 1 << 20
	ofEach    int64 = 16 << 10
)

// du returns what the root folder takes.
func du(t *testing.T, h *Host) int64 {
	t.Helper()
	out, err := exec.Command("du", "-s", "-B1", h.cfg.Paths.Root).Output()
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.Fields(string(out))[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// told is what all that is told of takes.
func told(u Usage) int64 {
	n := u.Parts().Sum()
	for _, c := range u.Containers {
		n += c.Written + c.Logs
	}
	for _, v := range u.Volumes {
		n += v.Size
	}
	return n
}

// within holds what is told of to what is on the disk.
func within(t *testing.T, h *Host, u Usage) {
	t.Helper()
	tolerance := int64(databases)
	for part := range u.Parts() {
		if strings.HasPrefix(part, "layer ") {
			tolerance += ofEach
		}
	}
	if there, sum := du(t, h), told(u); sum > there || there-sum > tolerance {
		t.Errorf("%d are told of, du has %d: that is more than the tolerance of %d", sum, there, tolerance)
	} else {
		t.Logf("%d are told of, du has %d, the tolerance is %d", sum, there, tolerance)
	}
}

// loadTwo brings in two images that have a layer in common.
func loadTwo(t *testing.T, h *Host) {
	t.Helper()
	layer := func() v1.Layer {
		l, err := random.Layer(3<<20, types.DockerLayer)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	base := layer()
	all := map[gcname.Tag]v1.Image{}
	for _, ref := range []string{"test/one:1", "test/two:1"} {
		img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: goruntime.GOARCH, RootFS: v1.RootFS{Type: "layers"}})
		if err == nil {
			img, err = mutate.AppendLayers(img, base, layer())
		}
		if err != nil {
			t.Fatal(err)
		}
		tag, err := gcname.NewTag(ref)
		if err != nil {
			t.Fatal(err)
		}
		all[tag] = img
	}
	var archive bytes.Buffer
	if err := tarball.MultiWrite(all, &archive); err != nil {
		t.Fatal(err)
	}
	leased, lease, err := h.Lease(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.images.Load(leased, &archive); err != nil {
		t.Fatal(err)
	}
	if err := lease.End(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// fetch puts a blob into the content store, or half of one.
func fetch(t *testing.T, h *Host, ctx context.Context, name string, size int, whole bool) {
	t.Helper()
	blob := make([]byte, size)
	_, _ = rand.Read(blob)
	desc := ocispec.Descriptor{Digest: digest.FromBytes(blob), Size: int64(size)}
	store := h.containerd.Raw().ContentStore()
	if whole {
		if err := content.WriteBlob(ctx, store, name, bytes.NewReader(blob), desc); err != nil {
			t.Fatal(err)
		}
		return
	}
	w, err := store.Writer(ctx, content.WithRef(name), content.WithDescriptor(desc))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(blob[:size/2]); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// Content that was fetched, layers that were unpacked, volumes: each is told of once, and
// what a killed command has left is, too, until it is collected.
func TestWhatIsToldOfIsWhatIsOnTheDisk(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	loadTwo(t, h)
	if err := h.CreateVolume(ctx, project.Volume{Name: "data"}); err != nil {
		t.Fatal(err)
	}
	data, err := h.volumes.Data("data")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "file"), make([]byte, 5<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	// A command that was killed: its lock is free. And one that goes on.
	killed, _, err := h.containerd.Lease(ctx, "", filepath.Join(h.cfg.Paths.Locks(), "lease-killed"))
	if err != nil {
		t.Fatal(err)
	}
	fetch(t, h, killed, "killed", 7<<20, true)
	fetch(t, h, killed, "half", 6<<20, false)
	if _, err := h.containerd.Snapshots().Prepare(killed, "killed", ""); err != nil {
		t.Fatal(err)
	}
	goesOn, lease, err := h.Lease(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	fetch(t, h, goesOn, "goes-on", 2<<20, true)

	usage := func() Usage {
		t.Helper()
		u, err := h.Usage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		within(t, h, u)
		return u
	}
	before := usage()
	if left := before.Left.Sum(); left < 10<<20 || left > 10<<20+1<<14 {
		t.Errorf("%d are left: %v", left, before.Left)
	}
	if busy := before.Busy.Sum(); busy != 2<<20 {
		t.Errorf("%d are being fetched: %v", busy, before.Busy)
	}
	if err := h.Collect(ctx); err != nil {
		t.Fatal(err)
	}
	after := usage()
	if len(after.Left) != 0 || after.Busy.Sum() != 2<<20 {
		t.Errorf("left %v, going on %v", after.Left, after.Busy)
	}
	if images := after.Parts().Sum() - after.Busy.Sum(); images != before.Parts().Sum()-before.Busy.Sum()-before.Left.Sum() {
		t.Errorf("images take %d now", images)
	}
	if err := lease.End(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.Collect(ctx); err != nil {
		t.Fatal(err)
	}
	if u := usage(); len(u.Left)+len(u.Busy) != 0 {
		t.Errorf("left %v, going on %v", u.Left, u.Busy)
	}
	if _, err := h.containerd.Snapshots().Stat(ctx, "killed"); !errdefs.IsNotFound(err) {
		t.Errorf("the snapshot of the killed command is there: %v", err)
	}
}
