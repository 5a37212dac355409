package planner_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// taking is a project whose web takes over mounts, and what is there when both its
// services run.
func taking(from project.VolumesFrom) (*project.Project, planner.Observed) {
	spec := func(service string) project.Container {
		return project.Container{Project: "shop", Service: service, Image: "img:1"}
	}
	p := &project.Project{Name: "shop", Known: []string{"data", "web"}, Services: []project.Service{
		{Name: "data", Replicas: 1, Template: spec("data")}, {Name: "web", Replicas: 1, Template: spec("web")},
	}}
	p.Services[1].Template.VolumesFrom = []project.VolumesFrom{from}
	obs := planner.Observed{Images: map[string]string{"img:1": "sha256:01"}}
	for _, s := range p.Services {
		c := s.Container(1)
		obs.Containers = append(obs.Containers, planner.Container{ID: c.Name + ".r0", Spec: c, State: planner.StateRunning, ImageDigest: "sha256:01"})
	}
	of := from
	of.ID = "shop-data-1.r0"
	obs.Containers[1].Spec.VolumesFrom = []project.VolumesFrom{of}
	return p, obs
}

func upOf(t *testing.T, p *project.Project, obs planner.Observed, opt planner.Options) *planner.Plan {
	t.Helper()
	opt.Nonce = "r1"
	plan, err := planner.Up(p, obs, opt)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestWhoTakesOverMountsIsReplacedWithWhomItTakesThemFrom(t *testing.T) {
	for _, from := range []project.VolumesFrom{{Service: "data", ReadOnly: true}, {Container: "shop-data-1"}} {
		p, obs := taking(from)
		if plan := upOf(t, p, obs, planner.Options{}); !plan.Empty() {
			t.Errorf("%s: nothing has changed:\n%s", from, plan)
		}
		p.Services[0].Template.Env = map[string]string{"A": "1"}
		plan := upOf(t, p, obs, planner.Options{})
		var made bool
		for _, s := range plan.Steps {
			create, is := s.Op.(planner.CreateContainer)
			if !is || create.Spec.Service != "web" {
				continue
			}
			made = true
			if create.Spec.VolumesFrom[0].ID != "shop-data-1.r1" {
				t.Errorf("%s: it takes the mounts of %q", from, create.Spec.VolumesFrom[0].ID)
			}
			if len(s.Why) != 1 || s.Why[0].String() != "follows service/data" {
				t.Errorf("%s: the reason is %v", from, s.Why)
			}
			if !strings.Contains(plan.String(), "create container/web-1 (follows service/data)\n\tafter create container/data-1") {
				t.Errorf("%s: it is made too early:\n%s", from, plan)
			}
		}
		if !made {
			t.Errorf("%s: it is not replaced:\n%s", from, plan)
		}
		if plan := upOf(t, p, obs, planner.Options{Recreate: planner.RecreateNever}); !plan.Empty() {
			t.Errorf("%s: something is replaced though nothing is to be:\n%s", from, plan)
		}
	}
}

// A container of another project is replaced by a command that knows nothing of
// who takes its mounts.
func TestAnotherContainerOfThatNameIsSeen(t *testing.T) {
	p, obs := taking(project.VolumesFrom{Container: "blog-data-1"})
	obs.Others, obs.OtherIDs = map[string]bool{"blog-data-1": true}, map[string]string{"blog-data-1": "shop-data-1.r0"}
	if plan := upOf(t, p, obs, planner.Options{}); !plan.Empty() {
		t.Errorf("it is the same:\n%s", plan)
	}
	obs.OtherIDs["blog-data-1"] = "blog-data-1.r9"
	if plan := upOf(t, p, obs, planner.Options{}); !strings.Contains(plan.String(), "create container/web-1 (volumes_from changed)") {
		t.Errorf("got:\n%s", plan)
	}
	delete(obs.OtherIDs, "blog-data-1")
	if plan := upOf(t, p, obs, planner.Options{}); !plan.Empty() {
		t.Errorf("what has the mounts does not need it any more:\n%s", plan)
	}
}

func TestMountsOfWhatWillNotBeThereAreAConflict(t *testing.T) {
	for _, tt := range []struct {
		from   project.VolumesFrom
		change func(*project.Project)
		want   string
	}{
		{project.VolumesFrom{Container: "none"}, func(*project.Project) {},
			"service/web: volumes_from: container:none: there is no container none; start that first"},
		{project.VolumesFrom{Service: "data", ReadOnly: true}, func(p *project.Project) { p.Services[0].Replicas = 0 },
			`service/web: volumes_from: data:ro: service "data" is scaled to 0; give it a replica`},
		{project.VolumesFrom{Service: "data"}, func(p *project.Project) { p.Services = p.Services[1:] },
			`service/web: volumes_from: data: service "data" has no container; bring that up too`},
		{project.VolumesFrom{Container: "shop-web-1"}, func(p *project.Project) {
			p.Services[0].Template.VolumesFrom = []project.VolumesFrom{{Container: "shop-web-1"}}
			p.Services[1].Template.VolumesFrom[0].Container = "shop-data-1"
		}, "dependency cycle detected: data -> web -> data"},
	} {
		p, obs := taking(tt.from)
		tt.change(p)
		_, err := planner.Up(p, planner.Observed{Images: obs.Images}, planner.Options{Nonce: "r1"})
		var refused *planner.RefusedError
		if !errors.As(err, &refused) || err.Error() != tt.want {
			t.Errorf("got  %v\nwant %s", err, tt.want)
		}
	}
}

// What has been taken over is in use, and goes only after who has it.
func TestAVolumeThatWasTakenOverIsInUse(t *testing.T) {
	p, obs := taking(project.VolumesFrom{Service: "data"})
	obs.Containers[0].Anonymous = map[string]string{"/data": "a1"}
	obs.Containers[1].Taken = []project.Mount{{Type: project.MountVolume, Source: "a1", Target: "/data"}}
	obs.Volumes = []project.Volume{{Name: "a1", Project: "shop", Anonymous: true}}
	for name, make := range map[string]func(*project.Project, planner.Observed, planner.Options) (*planner.Plan, error){
		"down": planner.Down, "rm": planner.Remove,
	} {
		plan, err := make(p, obs, planner.Options{Volumes: true, Stop: true})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan.String(), "remove volume/a1 (requested)\n\tafter remove container/data-1\n\tafter remove container/web-1") {
			t.Errorf("%s:\n%s", name, plan)
		}
		plan, err = make(p, obs, planner.Options{Volumes: true, Stop: true, Selected: []string{"data"}})
		if err != nil {
			t.Fatal(err)
		}
		if name == "rm" && strings.Contains(plan.String(), "volume/a1 (") {
			t.Errorf("%s of data alone:\n%s", name, plan)
		}
	}
}

// What runs on a volume that is replaced goes on until that is made of which its
// successor takes mounts.
func TestSupplierIsMadeBeforeATakerOnAReplacedVolumeStops(t *testing.T) {
	p, obs := taking(project.VolumesFrom{Service: "data"})
	want := project.Volume{Name: "shop_v", Project: "shop", Options: map[string]string{"type": "tmpfs"}}
	have := want
	have.Options = nil
	p.Volumes, obs.Volumes = []project.Volume{want}, []project.Volume{have}
	on := []project.Mount{{Type: project.MountVolume, Source: want.Name, Target: "/v"}}
	p.Services[1].Template.Mounts, obs.Containers[1].Spec.Mounts = on, on
	p.Services[0].Template.User = "another"

	plan, err := planner.Up(p, obs, planner.Options{Nonce: "r1", Redefined: map[string]planner.VolumePolicy{want.Name: planner.VolumeAnew}})
	if err != nil {
		t.Fatal(err)
	}
	needs := map[planner.StepID][]planner.StepID{}
	for _, s := range plan.Steps {
		needs[s.ID()] = s.Needs
	}
	waits := map[planner.StepID]bool{}
	for list := needs["stop container/web-1"]; len(list) > 0; list = list[1:] {
		waits[list[0]] = true
		list = append(list, needs[list[0]]...)
	}
	if !waits["create container/data-1"] || waits["create container/web-1"] {
		t.Errorf("web stops after %v\n%s", waits, plan)
	}
}
