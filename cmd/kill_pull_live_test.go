//go:build live

package cmd_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"github.com/gocompose/gocompose/internal/livetest"
)

// TestKillPull kills pulls at many bytes of what they fetch, and at many of their
// lines, some with the engine, and interrupts some: the next pull fetches no more
// than what is missing, and the image has all its files.
// GOCOMPOSE_PULL_KILLS says how often.
func TestKillPull(t *testing.T) {
	k := newPullKilling(t)
	rounds := number(t, "GOCOMPOSE_PULL_KILLS", 5)
	for round := range rounds {
		at := k.total * int64(round) / int64(max(rounds-1, 1)) // from nothing to everything
		t.Run(fmt.Sprintf("byte-%d", at), func(t *testing.T) { k.round(t, round, func(c *exec.Cmd) { k.gate.strikeAt(at, c) }) })
	}
	for line := 1; line <= 8*rounds; line += 8 {
		t.Run(fmt.Sprintf("line-%d", line), func(t *testing.T) { k.round(t, line, func(c *exec.Cmd) { k.strikeAtLine(c, line) }) })
	}
	k.t = t
	if 10*k.again > 9*k.total*int64(k.killed) {
		t.Error("hardly anything was gone on with")
	}
	k.must("system", "stop")
	if left, err := livetest.Leftovers(k.paths); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
	t.Logf("%d pulls of %d bytes were killed; the next ones fetched %d bytes of %d that were missing", k.killed, k.total, k.again, k.missing)
}

// pullKilling is the test under way.
type pullKilling struct {
	*layoutDir
	gate           *gate
	ref            string
	total          int64 // bytes of the configuration and the layers
	killed         int
	missing, again int64
}

func newPullKilling(t *testing.T) *pullKilling {
	t.Helper()
	registry := livetest.StartDistribution(t)
	img := manyLayers(t)
	if err := registry.Push("shop/many:1", img); err != nil {
		t.Fatal(err)
	}
	k := &pullKilling{layoutDir: newLayout(t), gate: newGate(t, registry.Host)}
	k.ref = k.gate.host + "/shop/many:1"
	file := fmt.Sprintf("name: pulled\nservices: {many: {image: %q, command: [busybox, sha256sum, -c, /sums]}}\n", k.ref)
	if err := os.WriteFile(filepath.Join(k.dir, "compose.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	k.total = m.Config.Size
	for _, l := range m.Layers {
		k.total += l.Size
	}
	return k
}

// round kills a pull, and the engine too in some rounds, and pulls again.
func (k *pullKilling) round(t *testing.T, n int, strike func(*exec.Cmd)) {
	k.t = t
	pull := []string{"image", "pull", k.ref} // of no project
	if n%2 == 1 {
		pull = []string{"pull"}
	}
	k.gate.reset()
	strike(k.command(append([]string{"--progress", "json"}, pull...)...))
	k.killed++
	if n%3 == 2 {
		k.killEngine()
	}
	k.gate.reset()
	if n > 0 && n%4 == 0 {
		k.interruptedPull(pull)
	}
	missing := k.total - k.stored()
	k.must(pull...)
	sent := k.gate.reset()
	t.Logf("%d bytes were missing", missing)
	if sent > missing {
		t.Errorf("%d bytes were fetched, and %d were missing", sent, missing)
	}
	k.missing, k.again = k.missing+missing, k.again+sent
	if out := k.must("run", "--rm", "-T", "many"); strings.Count(out, ": OK") != layers {
		t.Errorf("the image is not whole:\n%s", out)
	}
	k.must("down")
	k.must("image", "rm", k.ref)
	if n := k.stored(); n > 0 {
		t.Errorf("%d bytes are left when the image is gone", n)
	}
}

// interruptedPull ends a pull that can go on no more as Ctrl-C does: what there is stays
// for the next one.
func (k *pullKilling) interruptedPull(args []string) {
	k.t.Helper()
	before := k.stored()
	c := k.command(args...)
	k.gate.stopAt(0, func() { _ = c.Process.Signal(os.Interrupt) })
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState.ExitCode() != 130 {
		k.t.Errorf("%v\n%s", err, out)
	}
	if after := k.stored(); after < before {
		k.t.Errorf("of %d bytes %d are left after Ctrl-C", before, after)
	}
	k.gate.reset()
}

// strikeAtLine kills the pull after so many lines of its progress.
func (k *pullKilling) strikeAtLine(c *exec.Cmd, line int) {
	k.interrupted(c, line, func(c *exec.Cmd) { _ = c.Process.Kill() })
}

// stored returns how much of images the engine has, also of those that are not whole.
// It waits for what is being written when a pull is killed.
func (k *pullKilling) stored() int64 {
	k.t.Helper()
	for before := int64(-1); ; time.Sleep(20 * time.Millisecond) {
		var now, manifest int64
		err := filepath.WalkDir(filepath.Join(k.paths.Engine(), "io.containerd.content.v1.content"), func(path string, d fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil // it was being moved
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			inBlobs := strings.Contains(path, "/blobs/")
			if !inBlobs && filepath.Base(path) != "data" {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return nil // it was being moved
			}
			data, err := os.ReadFile(path)
			if err == nil && bytes.Contains(data[:min(len(data), 200)], []byte("schemaVersion")) {
				manifest += info.Size()
				return nil
			}
			now += info.Size()
			return nil
		})
		if err != nil && !os.IsNotExist(err) {
			k.t.Fatal(err)
		}
		if now == before {
			return now
		}
		before = now
	}
}

// layers is how many layers have a file whose sum is looked at.
const layers = 6

// manyLayers is an image with layers of random bytes, of all forms, and with their
// sums.
func manyLayers(t *testing.T) v1.Image {
	t.Helper()
	dice := rand.NewChaCha8([32]byte{1})
	var sums bytes.Buffer
	var contents [][]byte
	for i := range layers {
		data := make([]byte, 1_000_000*(i+1))
		_, _ = dice.Read(data) // never fails
		contents = append(contents, data)
		fmt.Fprintf(&sums, "%x  /data%d\n", sha256.Sum256(data), i)
	}
	img, err := livetest.Busybox(v1.Config{}, livetest.File{Path: "sums", Mode: 0o644, Content: sums.Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	img = mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), types.OCIConfigJSON)
	for i, data := range contents {
		archive, err := livetest.Pack([]livetest.File{{Path: fmt.Sprintf("data%d", i), Mode: 0o644, Content: data}})
		if err != nil {
			t.Fatal(err)
		}
		l, err := packed(archive, i%2 == 1)
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// packed is a layer of an archive, in one of the two forms that there are.
func packed(archive []byte, asZstd bool) (v1.Layer, error) {
	var b bytes.Buffer
	w, kind := io.WriteCloser(gzip.NewWriter(&b)), types.OCILayer
	if asZstd {
		z, err := zstd.NewWriter(&b)
		if err != nil {
			return nil, err
		}
		w, kind = z, types.OCILayerZStd
	}
	if _, err := w.Write(archive); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(kind))
}

// gate stands before a registry and counts the bytes of blobs.
type gate struct {
	host string
	next http.Handler

	mu     sync.Mutex
	sent   int64
	limit  int64 // -1: none
	strike func()
}

func newGate(t *testing.T, registry string) *gate {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: registry})
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // whoever asked is dead
	g := &gate{next: proxy, limit: -1}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	g.host = strings.TrimPrefix(s.URL, "http://")
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "/blobs/") && r.Method == http.MethodGet {
		w = &counted{w, g}
	}
	g.next.ServeHTTP(w, r)
}

// strikeAt runs a command and kills it when it has been sent so many bytes of blobs.
func (g *gate) strikeAt(n int64, c *exec.Cmd) {
	g.stopAt(n, func() { _ = c.Process.Kill() })
	_ = c.Run() // it is killed
}

// stopAt lets so many bytes through, and then strikes.
func (g *gate) stopAt(n int64, strike func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit, g.strike = n, strike
}

// reset lets everything through and returns what has been sent since the last time.
func (g *gate) reset() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	sent := g.sent
	g.sent, g.limit = 0, -1
	return sent
}

const bytesPerSecond = 64 << 20

// counted is what a blob is sent through.
type counted struct {
	http.ResponseWriter
	g *gate
}

func (c *counted) Write(p []byte) (int, error) {
	c.g.mu.Lock()
	defer c.g.mu.Unlock()
	over := c.g.limit >= 0 && c.g.sent+int64(len(p)) >= c.g.limit
	if over {
		p = p[:max(c.g.limit-c.g.sent, 0)]
	}
	n, err := c.ResponseWriter.Write(p)
	c.g.sent += int64(n)
	// A network takes time; sockets would hold it all, and who is killed has nothing.
	time.Sleep(time.Duration(n) * time.Second / bytesPerSecond)
	if over {
		if f, ok := c.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		c.g.strike()
		panic(http.ErrAbortHandler)
	}
	return n, err
}
