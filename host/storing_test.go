package host

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/internal/atomicfile"
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

var release = flag.String("release", "", "store what testdata/stored/RELEASE/*/compose.yaml asks for, where nothing is stored yet")

// TestStoreARelease adds the records of a release to its Compose files, which are
// those of the release before and more: all fields must be set somewhere.
func TestStoreARelease(t *testing.T) {
	if *release == "" {
		t.Skip("needs -release, when there is one")
	}
	dirs, err := filepath.Glob(filepath.Join(storedFiles, *release, "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no files of %s: %v", *release, err)
	}
	var specs []project.Container
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "records")); err == nil {
			t.Fatalf("%s is stored: what a release wrote does not change", dir)
		}
		specs = append(specs, storeProject(t, dir)...)
	}
	fields := reflect.TypeFor[project.Container]()
	for i := range fields.NumField() {
		set := false
		for _, spec := range specs {
			set = set || !reflect.ValueOf(spec).Field(i).IsZero()
		}
		if !set {
			t.Errorf("no file of %s sets project.Container.%s", *release, fields.Field(i).Name)
		}
	}
}

// then is when all that is stored happened.
var then = time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)

func storeProject(t *testing.T, dir string) (specs []project.Container) {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.Load(context.Background(), loader.Options{WorkingDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	obs := planner.Observed{Networks: foreign.networks, Volumes: foreign.volumes, Images: map[string]string{}}
	obs.Others = map[string]bool{"other-1": true, "other_db_1": true}
	for _, s := range p.Services {
		obs.Images[s.Template.Image] = "sha256:" + strings.Repeat("5", 64)
	}
	plan, err := planner.Up(p, obs, planner.Options{Nonce: "n0"})
	if err != nil {
		t.Fatal(err)
	}
	w := storing{t, dir, paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}, obs}
	for i, n := range append(obs.Networks, p.Networks...) {
		if !n.External {
			w.network(i, n)
		}
	}
	for _, v := range append(obs.Volumes, p.Volumes...) {
		if !v.External {
			w.write(filepath.Join(w.paths.Volumes(), v.Name, "volume.json"), volumes.Volume{Volume: v, CreatedAt: then})
		}
	}
	for _, step := range plan.Steps {
		if op, ok := step.Op.(planner.CreateContainer); ok {
			specs = append(specs, op.Spec)
			w.container(op.ID, op.Spec)
			if len(specs) == 1 {
				w.life(op.ID)
			}
		}
	}
	return specs
}

type storing struct {
	t     *testing.T
	dir   string
	paths paths.Paths
	obs   planner.Observed
}

func (w storing) write(path string, v any) {
	w.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	w.writeBytes(path, data)
}

func (w storing) writeBytes(path string, data []byte) {
	w.t.Helper()
	var text bytes.Buffer
	if err := json.Indent(&text, data, "", "\t"); err != nil {
		w.t.Fatal(err)
	}
	text.WriteByte('\n')
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := atomicfile.Write(path, bytes.ReplaceAll(text.Bytes(), []byte(w.dir), []byte("$DIR")), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w storing) network(i int, n project.Network) {
	r := networks.Record{Network: n, Link: fmt.Sprintf("gc-%012d", i), Made: n.Driver == project.DriverMacvlan, CreatedAt: then}
	for _, s := range n.Subnets {
		pool := networks.Pool{Subnet: s.Subnet, Gateway: s.Gateway, Range: s.Range}
		for _, a := range s.Reserved {
			pool.Reserved = append(pool.Reserved, a)
		}
		r.Pools = append(r.Pools, pool)
	}
	if len(r.Pools) == 0 {
		subnet := netip.MustParsePrefix(fmt.Sprintf("10.88.%d.0/24", i))
		r.Pools = []networks.Pool{{Subnet: subnet, Gateway: subnet.Addr().Next(), Range: subnet}}
	}
	w.write(filepath.Join(w.paths.Networks(), n.Name+".json"), r)
}

func (w storing) container(id string, spec project.Container) {
	r := containerd.Record{
		Spec: spec, ImageDigest: w.obs.Images[spec.Image], StopSignal: "SIGTERM", Args: []string{"run"},
		Health: project.EffectiveHealthcheck(spec.Health, nil),
	}
	for _, m := range spec.Mounts {
		if m.Type == project.MountVolume && m.Source == "" {
			r.Anonymous = map[string]string{m.Target: strings.Repeat("0", 64)}
		}
	}
	data, err := r.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	w.writeBytes(filepath.Join(w.dir, "records", id+".json"), data)
	w.endpoint(id, spec)
}

// life stores what there is of one run of a container.
func (w storing) life(id string) {
	w.write(filepath.Join(w.paths.Container(id), state.FileName), state.State{
		Running: true, Pid: 1234, StartedAt: then, ExitedAt: then.Add(-time.Hour), ExitCode: 137, OOMKilled: true,
	})
	w.write(filepath.Join(w.paths.Kept(), id+".json"), keep.Record{
		ID: id, Since: then, Before: then.Add(-time.Hour), Restarts: 3, Attempts: 2, Delay: time.Second,
	})
	w.write(filepath.Join(w.paths.Health(), id+".json"), health.Record{ID: id, StartedAt: then, Tracker: health.Tracker{
		Regular: then,
		State: health.State{Status: health.Unhealthy, FailingStreak: 3, Results: []health.Result{
			{Start: then, End: then.Add(time.Second), ExitCode: 1, Output: "no"},
		}},
	}})
}

func (w storing) endpoint(id string, spec project.Container) {
	e := endpoint.Endpoint{
		ID: id, Name: spec.Name, Project: spec.Project, Service: spec.Service, Netns: "/run/netns/" + id, Request: "abc",
		Names: endpoint.Names{Links: spec.Links, Services: spec.Origin.Services, Servers: spec.DNS.Servers},
	}
	if spec.NetworkMode != project.ModeNetworks {
		e.Of = "other"
	}
	for i, n := range spec.Networks {
		e.Interfaces = append(e.Interfaces, endpoint.Interface{
			Network: n.Network, Name: fmt.Sprintf("eth%d", i), HostName: fmt.Sprintf("gc%d", i), Default: i == 0, Default6: i == 0, Apart: i > 0,
			Address: netip.MustParsePrefix("10.88.0.2/24"), Gateway: netip.MustParseAddr("10.88.0.1"),
			Address6: netip.MustParsePrefix("fd00:88::2/64"), Gateway6: netip.MustParseAddr("fd00:88::1"),
			LinkLocal: n.LinkLocal, MAC: "02:42:0a:58:00:02", Sysctls: n.Sysctls, Names: n.Aliases,
		})
	}
	for _, p := range spec.Ports {
		e.Ports = append(e.Ports, endpoint.Port{Port: p, HostPort: max(p.Published, 1)})
	}
	e.Resting = len(e.Ports) > 0
	w.write(filepath.Join(w.paths.Endpoints(), id+".json"), e)
}
