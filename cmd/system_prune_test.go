package cmd

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/volumes"
)

// unusedWorld has a project that runs, one that has ended, and what these and nobody use.
func unusedWorld() found {
	container := func(name string, state planner.State, age time.Duration) host.Info {
		c := planner.Container{ID: name + ".n", State: state, Spec: project.Container{Project: name[:1], Name: name}}
		return host.Info{Container: c, Name: name, CreatedAt: time.Now().Add(-age), Labels: map[string]string{"of": name}}
	}
	network := func(name string, users ...string) host.Network {
		return host.Network{Record: networks.Record{Network: project.Network{Name: name, Project: name[:1]}, CreatedAt: time.Now()}, Users: users}
	}
	bridge := network(project.DefaultBridge, "e-1")
	bridge.Project = ""
	volume := func(name string, anonymous bool, users ...string) host.Volume {
		return host.Volume{Volume: volumes.Volume{Volume: project.Volume{Name: name, Anonymous: anonymous}}, Users: users}
	}
	img := func(ref, id string, users ...string) host.Image {
		return host.Image{Image: images.Image{Ref: ref, ID: id}, Users: users}
	}
	bare := "sha256:" + strings.Repeat("c", 64)
	return found{
		containers: []host.Info{
			container("r-1", planner.StateRunning, 0), container("r-2", planner.StateRestarting, 0), container("r-3", planner.StatePaused, 0),
			container("e-1", planner.StateExited, 2*time.Hour), container("e-2", planner.StateCreated, 0),
		},
		networks: []host.Network{network("r_default", "r-1", "e-1"), network("e_default", "e-1", "e-2"), network("n_none"), bridge},
		volumes: []host.Volume{
			volume("named", false), volume("anon", true), volume("of-e", true, "e-1"), volume("of-r", true, "r-1"), volume("e-named", false, "e-1"),
		},
		images: []host.Image{img("r:1", "1", "r-1"), img("r:2", "1"), img("e:1", "2", "e-1"), img("n:1", "3"), img(bare, bare)},
	}
}

func prunedNames(p planner.Pruned) string {
	var out []string
	for _, s := range planner.Prune(p).Steps {
		name := planner.ShortImage(s.Op.Target().Name)
		out = append(out, name[:min(9, len(name))])
	}
	return strings.Join(out, " ")
}

func TestOnlyWhatNothingUsesIsPruned(t *testing.T) {
	for _, tt := range []struct {
		flags systemPruneFlags
		want  string
	}{
		{systemPruneFlags{}, "e-1 e-2 sha256:cc bridge e_default n_none"},
		{systemPruneFlags{all: true}, "e-1 e-2 e:1 n:1 sha256:cc bridge e_default n_none"},
		{systemPruneFlags{volumes: true}, "e-1 e-2 sha256:cc bridge e_default n_none anon of-e"},
		{systemPruneFlags{filter: []string{"until=1h"}, all: true}, "e-1 e:1 n:1 sha256:cc bridge"}, // e-2 is on e_default
		{systemPruneFlags{filter: []string{"label=of=e-2"}, all: true, volumes: true}, "e-2"},
		{systemPruneFlags{filter: []string{"label!=of=e-1"}, volumes: true}, "e-2 sha256:cc n_none anon"},
	} {
		p, err := newPruner(tt.flags, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		got := p.decide(unusedWorld())
		if prunedNames(got) != tt.want {
			t.Errorf("%+v: %q, want %q", tt.flags, prunedNames(got), tt.want)
		}
		for _, n := range got.Volumes {
			if !n.Anonymous {
				t.Errorf("%+v: the data in %s goes", tt.flags, n.Name)
			}
		}
	}
	for _, bad := range []systemPruneFlags{{filter: []string{"until=soon"}}, {filter: []string{"name=x"}}, {volumes: true, filter: []string{"until=1h"}}} {
		if _, err := newPruner(bad, time.Now()); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

func TestOnlyWhatTheUserWasToldOfIsPruned(t *testing.T) {
	p, err := newPruner(systemPruneFlags{all: true, volumes: true}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	before := unusedWorld()
	told := p.decide(before)
	p.named = before.named(told)
	if got := prunedNames(p.decide(unusedWorld())); got != prunedNames(told) {
		t.Errorf("of the same world %q, want %q", got, prunedNames(told))
	}
	// While he is asked r-1 ends, another n:1 and another anon come, and e-1 is started.
	now := unusedWorld()
	for i, c := range now.containers {
		switch c.Name {
		case "r-1":
			now.containers[i].State = planner.StateExited
		case "e-1":
			now.containers[i].State = planner.StateRunning
		}
	}
	for i := range now.images {
		if now.images[i].Ref == "n:1" {
			now.images[i].Target = "sha256:other"
		}
	}
	for i := range now.volumes {
		if now.volumes[i].Name == "anon" {
			now.volumes[i].CreatedAt = time.Now()
		}
	}
	if got, want := prunedNames(p.decide(now)), "e-2 sha256:cc n_none"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhatIsOfAProjectThatIsNotLockedStays(t *testing.T) {
	p, err := newPruner(systemPruneFlags{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	what := p.decide(unusedWorld())
	if got := strings.Join(projectsIn(what), " "); got != " e n" {
		t.Errorf("%q", got)
	}
	if got := prunedNames(within(what, []string{"n"})); got != "sha256:cc bridge n_none" {
		t.Errorf("%q", got)
	}
}

func TestTheBuildCacheHasNoLabels(t *testing.T) {
	for filters, want := range map[string]string{"": "old mount", "until=24h": "old", "label=x": "stays", "label!=x until=24h": "stays"} {
		p := pruner{systemPruneFlags: systemPruneFlags{filter: strings.Fields(filters)}}
		c, err := p.cachePruner(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		got := "stays"
		if c != nil {
			got = cacheIDs(c.decide(someCache()))
		}
		if got != want {
			t.Errorf("%s: %q, want %q", filters, got, want)
		}
	}
}

func TestASharedPartOfAnImageCountsOnce(t *testing.T) {
	img := func(ref, id string, parts images.Parts, users ...string) host.ImageUse {
		return host.ImageUse{Image: host.Image{Image: images.Image{Ref: ref, ID: id}, Users: users}, Parts: parts}
	}
	all := []host.ImageUse{
		img("a:1", "1", images.Parts{"base": 1000, "a": 100}), img("a:2", "1", images.Parts{"base": 1000, "a": 100}, "web-1"),
		img("b:1", "2", images.Parts{"base": 1000, "b": 10}),
	}
	use := host.Usage{Images: all}
	if got := imageSum(use); got != (sum{total: 2, active: 1, size: 1110, reclaimable: 10}) {
		t.Errorf("%+v", got)
	}
	if shared := sharedSize(all[2], use); shared != 1000 {
		t.Errorf("shared %d", shared)
	}
	if shared := sharedSize(all[0], use); shared != 1000 {
		t.Errorf("shared by two names %d", shared)
	}
	use.Images = all[2:]
	if row := imageSum(use).row("Images"); row != (dfRow{Active: "0", Reclaimable: "1.01kB (100%)", Size: "1.01kB", TotalCount: "1", Type: "Images"}) {
		t.Errorf("%+v", row)
	}
	// Builds keep the base, and a container has been made from an image that has no name now.
	use.Held, use.Bases = map[string]bool{"base": true}, images.Parts{"old": 500}
	if got := imageSum(use); got != (sum{total: 1, size: 1510, reclaimable: 10}) {
		t.Errorf("%+v", got)
	}
	if shared := sharedSize(all[2], use); shared != 1000 {
		t.Errorf("shared with builds %d", shared)
	}
	if row := (sum{}).row("Logs"); row.Reclaimable != "0B" {
		t.Errorf("%+v", row)
	}
}

// Nothing is counted twice, whoever has it.
func TestWhatIsOnTheDiskIsInOneRow(t *testing.T) {
	use := host.Usage{Shares: host.Shares{
		Build: images.Parts{"a": 100, "b": 10}, Busy: images.Parts{"c": 5}, Left: images.Parts{"d": 2, "e": 1},
		Cached: []host.CacheUse{{ID: "1", Parts: images.Parts{"a": 100, "base": 1000}, Active: true, Shared: true}, {ID: "2", Parts: images.Parts{"b": 10}}},
	}}
	want := []dfRow{
		{Active: "0", Reclaimable: "0B", Size: "0B", TotalCount: "0", Type: "Images"},
		{Active: "0", Reclaimable: "0B", Size: "0B", TotalCount: "0", Type: "Containers"},
		{Active: "0", Reclaimable: "0B", Size: "0B", TotalCount: "0", Type: "Local Volumes"},
		{Active: "1", Reclaimable: "10B (9%)", Size: "110B", TotalCount: "2", Type: "Build Cache"},
		{Active: "0", Reclaimable: "0B", Size: "0B", TotalCount: "0", Type: "Logs"},
		{Active: "1", Reclaimable: "3B (37%)", Size: "8B", TotalCount: "3", Type: "Leftovers"},
	}
	if got := dfRows(use); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	gone := planner.Pruned{
		Containers: []planner.Container{{ID: "x"}}, Volumes: []project.Volume{{Name: "v"}},
	}
	use.Containers = []host.ContainerUse{{Info: host.Info{Container: planner.Container{ID: "x"}}, Written: 1 << 10, Logs: 1 << 11}}
	use.Volumes = []host.VolumeUse{{Volume: host.Volume{Volume: volumes.Volume{Volume: project.Volume{Name: "v"}}}, Size: 1 << 12}}
	if n := reclaimed(use, gone, images.Parts{"a": 100, "d": 2}); n != 1<<10+1<<11+1<<12+10+5+1 {
		t.Errorf("reclaimed %d", n)
	}
}
