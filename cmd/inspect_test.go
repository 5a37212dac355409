package cmd

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

var noon = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)

// checked is a container with something of everything.
func checked() host.Info {
	return host.Info{
		Container: planner.Container{
			ID:          "shop-db-1.a1b2c3",
			State:       planner.StateRunning,
			ImageDigest: "sha256:0123",
			Anonymous:   map[string]string{"/cache": "4f5e", "/from-image": "9d8c"},
			Spec: project.Container{
				Project: "shop", Service: "db", Replica: 1, Name: "shop-db-1", Image: "docker.io/library/postgres:17",
				Env:      map[string]string{"POSTGRES_DB": "shop"},
				Networks: []project.Endpoint{{Network: "shop_default"}, {Network: "shop_back"}},
				Mounts: []project.Mount{
					{Type: project.MountVolume, Target: "/cache"},
					{Type: project.MountVolume, Source: "shop_data", Target: "/data"},
					{Type: project.MountBind, Source: "/etc/shop", Target: "/etc/shop", ReadOnly: true},
					{Type: project.MountTmpfs, Target: "/tmp"},
				},
				Logging: project.Logging{Driver: "json-file"},
				Health:  &project.Healthcheck{Test: []string{"CMD-SHELL", "pg_isready"}, Interval: 5 * time.Second},
				Restart: project.Restart{Condition: project.RestartAlways},
			},
		},
		Name:    "shop-db-1",
		Labels:  map[string]string{"com.docker.compose.service": "db"},
		Command: []string{"postgres"},
		Ports:   []endpoint.Port{{Port: project.Port{Target: 5432, Protocol: "tcp", HostIP: "127.0.0.1"}, HostPort: 32768}},
		Interfaces: []endpoint.Interface{{
			Network: "shop_default", Name: "eth0", Address: netip.MustParsePrefix("172.24.0.2/22"),
			Gateway: netip.MustParseAddr("172.24.0.1"), MAC: "02:42:ac:18:00:02", Names: []string{"shop-db-1", "db"},
		}},
		Dir:       "/root/containers/shop-db-1.a1b2c3",
		CreatedAt: noon,
		StartedAt: noon.Add(time.Minute),
		Pid:       4711,
		OOMKilled: true,
		Restarts:  2,
		Check:     project.EffectiveHealthcheck(&project.Healthcheck{Test: []string{"CMD-SHELL", "pg_isready"}, Interval: 5 * time.Second}, nil),
		Health: &health.State{
			Status:        health.Unhealthy,
			FailingStreak: 3,
			Results:       []health.Result{{Start: noon.Add(2 * time.Minute), End: noon.Add(2*time.Minute + time.Second), ExitCode: 1, Output: "no answer <here>\n"}},
		},
	}
}

// neverStarted is a container of which next to nothing is known.
func neverStarted() host.Info {
	return host.Info{
		Container: planner.Container{
			ID: "shop-web-1.d4e5f6", State: planner.StateCreated, ImageDigest: "sha256:4567",
			Spec: project.Container{
				Project: "shop", Service: "web", Replica: 1, Name: "shop-web-1", Image: "docker.io/library/web:1",
				Networks: []project.Endpoint{{Network: "shop_default"}},
				Logging:  project.Logging{Driver: "none"},
			},
		},
		Name: "shop-web-1", Labels: map[string]string{}, CreatedAt: noon,
	}
}

func somewhere() places {
	return places{
		volume: func(name string) (string, error) { return "/root/volumes/" + name + "/_data", nil },
		logs: func(dir string) ([]string, error) {
			if dir == "" {
				return nil, nil
			}
			return []string{dir + "/log", dir + "/log.1"}, nil
		},
	}
}

func inspected(t *testing.T, infos ...host.Info) []inspection {
	t.Helper()
	var all []inspection
	for _, i := range infos {
		one, err := inspect(i, somewhere())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// The file is the shape that users' scripts rely on: a change of what is there
// already is a new version.
func TestTheShapeOfInspectIsWhatTheGoldenFileSays(t *testing.T) {
	var out bytes.Buffer
	a := &app{Streams: Streams{Out: &out}}
	if err := a.printInspections(inspected(t, checked(), neverStarted()), "json"); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "inspect.json")
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestAllFieldsOfAnInspectionAreAlwaysThere(t *testing.T) {
	full, bare := inspected(t, checked())[0], inspected(t, neverStarted())[0]
	var keys [2]string
	for i, one := range []inspection{full, bare} {
		one.Spec, one.Labels = project.Container{}, nil
		one.Health.Check, one.Health.Results, one.Networks, one.Ports, one.Mounts = nil, nil, nil, nil, nil
		text, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = names(t, text)
	}
	if keys[0] != keys[1] {
		t.Errorf("%s\nand\n%s", keys[0], keys[1])
	}
}

// names returns the keys of an object and of those in it, sorted.
func names(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	blank(v)
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func blank(v any) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	for k, inner := range m {
		if _, deeper := inner.(map[string]any); !deeper {
			m[k] = 0
			continue
		}
		blank(inner)
	}
}

func TestATemplateIsPrintedForEachContainer(t *testing.T) {
	for format, want := range map[string]string{
		"{{.State.Status}} {{.Health.Status}}":                       "running unhealthy\ncreated none\n",
		"{{.Service}}\t{{.State.ExitCode}}":                          "db\t0\nweb\t0\n",
		"{{range .Health.Results}}{{.ExitCode}}: {{.Output}}{{end}}": "1: no answer <here>\n\n\n",
		"{{range .Networks}}{{.Address}},{{end}}":                    "172.24.0.2/22,,\n,\n",
		"{{index .Spec.Env \"POSTGRES_DB\"}}":                        "shop\n\n",
		"{{json .State.RestartAt}}":                                  "null\nnull\n",
	} {
		var out bytes.Buffer
		a := &app{Streams: Streams{Out: &out}}
		if err := a.printInspections(inspected(t, checked(), neverStarted()), format); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v; want %q", format, out.String(), err, want)
		}
	}
	a := &app{Streams: Streams{Out: new(bytes.Buffer)}}
	if err := a.printInspections(inspected(t, checked()), "{{.State.Nonsense}}"); err == nil || !strings.Contains(err.Error(), "Nonsense") {
		t.Errorf("a field that is not there: %v", err)
	}
}

func TestLogFilesAreListedFromTheNewest(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"log.10", "log.2", "log", "log.1", "state.json", "log.x", "hosts"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := logFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, strings.TrimPrefix(f, dir+"/"))
	}
	if want := "log log.1 log.2 log.10"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
	if files, err := logFiles(filepath.Join(dir, "nowhere")); len(files) > 0 || err != nil {
		t.Errorf("of a container without a folder: %v, %v", files, err)
	}
}
