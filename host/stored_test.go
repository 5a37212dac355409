package host

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/shim/state"
	"github.com/gocompose/gocompose/supervisor/health"
	"github.com/gocompose/gocompose/supervisor/keep"
	"github.com/gocompose/gocompose/volumes"
)

// testdata/stored/<release>/<project> is a Compose file and all that the release
// had stored of it: root and state are the layout's folders, records what stands
// beside the containers in containerd. These files are never written again.
const storedFiles = "testdata/stored"

// What an earlier release stored is read whole, and `up` with the files of then
// finds nothing to do.
func TestWhatEarlierReleasesStoredIsUpToDate(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(storedFiles, "*", "*"))
	if err != nil || len(dirs) < 3 {
		t.Fatalf("only %v: %v", dirs, err)
	}
	for _, dir := range dirs {
		t.Run(filepath.ToSlash(strings.TrimPrefix(dir, storedFiles+"/")), func(t *testing.T) {
			s := readStored(t, dir)
			p, err := loader.Load(context.Background(), loader.Options{WorkingDir: s.dir})
			if err != nil {
				t.Fatal(err)
			}
			plan, err := planner.Up(p, s.observed, planner.Options{Nonce: "new"})
			if err != nil {
				t.Fatal(err)
			}
			if !plan.Empty() || len(plan.Notices) > 0 || len(plan.Unchanged) != len(s.observed.Containers) {
				t.Errorf("%d of %d containers are unchanged, and there is a plan:\n%s", len(plan.Unchanged), len(s.observed.Containers), plan)
			}
		})
	}
}

// stored is what a release has left behind.
type stored struct {
	dir      string // absolute
	paths    paths.Paths
	observed planner.Observed
}

// readStored reads all records by the functions that a host reads them with, and
// once more strictly: what was stored has a field in today's types.
func readStored(t *testing.T, dir string) stored {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := stored{dir: dir, paths: paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}}
	s.observed.Images = map[string]string{}
	s.observed.Others = map[string]bool{"other-1": true, "other_db_1": true}
	s.readContainers(t)
	opened, err := networks.Open(s.paths)
	if err != nil {
		t.Fatal(err)
	}
	nets, err := opened.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nets {
		s.observed.Networks = append(s.observed.Networks, n.Network)
	}
	vols, err := volumes.Open(s.paths.Volumes(), s.paths.UsedVolumes()).List()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vols {
		s.observed.Volumes = append(s.observed.Volumes, v.Volume)
	}
	each[networks.Record](t, s.paths.Networks(), len(nets))
	each[volumes.Volume](t, s.paths.Volumes(), len(vols))
	s.readState(t)
	return s
}

func (s *stored) readContainers(t *testing.T) {
	t.Helper()
	records, err := filepath.Glob(filepath.Join(s.dir, "records", "*.json"))
	if err != nil || len(records) == 0 {
		t.Fatalf("no containers in %s: %v", s.dir, err)
	}
	each[containerd.Record](t, filepath.Join(s.dir, "records"), len(records))
	for _, path := range records {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		id := strings.TrimSuffix(filepath.Base(path), ".json")
		r, err := containerd.DecodeRecord(id, bytes.ReplaceAll(data, []byte("$DIR"), []byte(s.dir)))
		if err != nil {
			t.Fatal(err)
		}
		s.observed.Images[r.Spec.Image] = r.ImageDigest
		s.observed.Containers = append(s.observed.Containers, planner.Container{
			ID: id, Spec: r.Spec, State: planner.StateRunning, ImageDigest: r.ImageDigest, Anonymous: r.Anonymous,
		})
	}
}

// readState reads what there is of containers beside their specification.
func (s *stored) readState(t *testing.T) {
	t.Helper()
	h := Host{cfg: Config{Paths: s.paths}}
	kept, err := h.kept().List()
	if err != nil {
		t.Fatal(err)
	}
	each[keep.Record](t, s.paths.Kept(), len(kept))
	checks, err := health.In(s.paths.Health()).List()
	if err != nil {
		t.Fatal(err)
	}
	each[health.Record](t, s.paths.Health(), len(checks))
	places, err := endpoint.List(s.paths.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	each[endpoint.Endpoint](t, s.paths.Endpoints(), len(places))
	runs := 0
	for _, c := range s.observed.Containers {
		if last, err := state.Read(s.paths.Container(c.ID)); err == nil && !last.StartedAt.IsZero() {
			runs++
		}
	}
	each[state.State](t, s.paths.Containers(), runs)
}

// each reads the JSON files below dir, of which there are so many, and fails at a
// field that T has not: it was renamed, or is gone.
func each[T any](t *testing.T, dir string, want int) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found++
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		var v T
		if err := decoder.Decode(&v); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil || found == 0 || found != want {
		t.Fatalf("%d files in %s, %d of them read: %v", found, dir, want, err)
	}
}

// foreign is what the projects use of others.
var foreign = struct {
	networks []project.Network
	volumes  []project.Volume
}{
	[]project.Network{{Name: "theirs", Driver: project.DriverBridge}},
	[]project.Volume{{Name: "theirs", Project: "other", Driver: "local"}},
}
