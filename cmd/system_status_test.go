package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/internal/programs"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor"
)

func systems() map[string]systemStatus {
	cfg := host.Config{Paths: paths.Paths{Root: paths.DefaultRoot, State: paths.DefaultState}, Version: "0.2.0"}
	info := func(in string, state planner.State) host.Info {
		return host.Info{Container: planner.Container{State: state, Spec: project.Container{Project: in}}}
	}
	list := []programs.Program{
		{Name: "containerd", Path: "/opt/gocompose/containerd", Version: "v2.3.7"},
		{Name: "runc", Path: "/opt/gocompose/runc", Version: "1.5.2"},
		{Name: "containerd-shim-gocompose-v1", Path: "/opt/gocompose/containerd-shim-gocompose-v1", Version: "0.2.0"},
		{Name: "buildkitd", Path: "/opt/gocompose/buildkitd", Version: "v0.33.1"},
	}
	running := describeSystem(cfg, host.System{
		Engine: host.EngineStatus{Running: true, Private: true, Address: "/run/gocompose/containerd/containerd.sock", Version: "v2.3.7", Pid: 4711},
		Supervisor: &supervisor.Status{
			Pid: 4712, Version: "0.1.0", Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Containers: 3,
			Problems: []string{"engine: containerd does not answer"},
		},
		Builder:    host.BuilderStatus{Running: true, Pid: 4713},
		Programs:   list,
		Disk:       host.Disk{Images: 120e6, Snapshots: 450e6, Volumes: 12345, Logs: 4096, Other: 1 << 20},
		Containers: []host.Info{info("shop", "running"), info("blog", "exited"), info("shop", "running"), info("shop", "restarting")},
	})
	running.Unit = unitStatus{File: "/etc/systemd/system/gocompose.service", Installed: true, Enabled: true}
	foreign := describeSystem(cfg, host.System{
		Engine:   host.EngineStatus{Address: "/run/containerd/containerd.sock"},
		Programs: []programs.Program{{Name: "runc"}, {Name: "containerd-shim-gocompose-v1", Path: "/usr/bin/containerd-shim-gocompose-v1"}},
	})
	foreign.Unit = unitStatus{File: "/etc/systemd/system/gocompose.service"}
	running.Cgroups, foreign.Cgroups = 2, 1 // those of no machine
	return map[string]systemStatus{"running": running, "foreign-and-down": foreign}
}

func TestStatusOfTheSystem(t *testing.T) {
	local := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
	for name, s := range systems() {
		var table strings.Builder
		if err := s.write(&table); err != nil {
			t.Fatal(err)
		}
		text, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "system/"+name+".txt", table.String())
		golden(t, "system/"+name+".json", string(text)+"\n")
	}
}

// golden holds what is said against a file; with -update it is written.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
	}
}
