package host

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

func TestANetworkIsKnownByItsMaking(t *testing.T) {
	made := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	front := networks.Record{Network: project.Network{Name: "shop_front"}, CreatedAt: made}
	back, anew := front, front
	back.Name, anew.CreatedAt = "shop_back", made.Add(time.Nanosecond)
	ids := map[string]bool{}
	for _, r := range []networks.Record{front, back, anew} {
		n := describeNetwork(r, nil, "1.2.3")
		if len(n.ID) != 64 || ids[n.ID] || n.ID != describeNetwork(r, nil, "2").ID {
			t.Errorf("%s has the ID %s", n.Name, n.ID)
		}
		ids[n.ID] = true
	}
}

func TestNetworksHaveTheLabelsOfDockerCompose(t *testing.T) {
	of := project.Network{Name: "shop_front", Key: "front", Project: "shop", Labels: map[string]string{"tier": "front", "com.docker.compose.project": "theirs"}}
	want := map[string]string{
		"com.docker.compose.network": "front", "com.docker.compose.project": "shop", "com.docker.compose.version": "1.2.3", "tier": "front",
	}
	if got := networkLabels(of, "1.2.3"); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := networkLabels(project.Network{Name: "backbone"}, "1.2.3"); len(got) != 0 {
		t.Errorf("a network of no project has %v", got)
	}
}

func TestWhoIsOnANetworkIsToldWithoutAnEngine(t *testing.T) {
	root, state := t.TempDir(), t.TempDir()
	p := paths.Paths{Root: root, State: state}
	cfg := Config{Paths: p, Version: "1.2.3"}
	if all, err := LookAtNetworks(t.Context(), cfg); err != nil || len(all) != 0 {
		t.Fatalf("where nothing is: %v, %v", all, err)
	}
	if err := os.MkdirAll(p.Networks(), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"front", "back"} {
		record := `{"name": "` + name + `", "pools": [{"subnet": "10.20.0.0/24", "range": "10.20.0.0/24"}], "createdAt": "2026-03-04T05:06:07Z"}`
		if err := os.WriteFile(filepath.Join(p.Networks(), name+".json"), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"b", "a"} {
		e := endpoint.Endpoint{ID: id, Name: "web-" + id, Interfaces: []endpoint.Interface{{Network: "front", Name: "eth0"}}}
		if err := endpoint.Write(p.Endpoints(), e); err != nil {
			t.Fatal(err)
		}
	}
	all, err := LookAtNetworks(t.Context(), cfg)
	if err != nil || len(all) != 2 || all[0].Name != "back" || len(all[0].Attached) != 0 {
		t.Fatalf("%+v, %v; want back and front, nobody on the first", all, err)
	}
	on := all[1].Attached
	if len(on) != 2 || on[0].Container != "a" || on[1].Name != "web-b" || len(on[0].EndpointID) != 64 || on[0].EndpointID == on[1].EndpointID {
		t.Errorf("on front: %+v", on)
	}
}

func TestNetworksAreChangedByOneCommandAtATime(t *testing.T) {
	p := paths.Paths{State: t.TempDir()}
	unlock, err := LockResources(t.Context(), p, "networks", []string{"shop", "", "shop", "blog"}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	waits, changed := make(chan struct{}), make(chan error)
	go func() {
		l, err := LockProject(t.Context(), p, "shop", func() { close(waits) })
		if err == nil {
			err = l.Unlock()
		}
		changed <- err
	}()
	select {
	case <-changed:
		t.Fatal("a project whose networks are being removed was changed meanwhile")
	case <-waits:
	}
	unlock()
	if err := <-changed; err != nil {
		t.Error(err)
	}
}
