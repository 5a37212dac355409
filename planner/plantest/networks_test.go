package plantest_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/planner/plantest"
	"github.com/gocompose/gocompose/project"
)

// shop is a project of these services, with one network, and a world for it.
func shop(services ...project.Service) (*project.Project, *plantest.World) {
	p := &project.Project{Name: "shop", Services: services, Networks: []project.Network{{Name: "shop_default", Project: "shop"}}}
	for i := range services {
		c := &services[i].Template
		c.Project, c.Service, c.Image = "shop", services[i].Name, "img:1"
		if c.NetworkMode == "" {
			c.Networks = []project.Endpoint{{Network: "shop_default"}}
		}
		p.Known = append(p.Known, services[i].Name)
	}
	w := plantest.NewWorld()
	w.Publish("img:1", "sha256:01")
	return p, w
}

// up brings p up in the world and returns what was planned.
func up(t *testing.T, p *project.Project, w *plantest.World, b executor.Backend, nonce string) *planner.Plan {
	t.Helper()
	plan, err := planner.Up(p, w.Observe("shop"), planner.Options{Nonce: nonce})
	if err != nil {
		t.Fatal(err)
	}
	if err := executor.Apply(t.Context(), plan, b, executor.Options{Parallel: 8}); err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestWhatIsCutOffIsReachedAgainAfterUp(t *testing.T) {
	p, w := shop(
		project.Service{Name: "app", Replicas: 1, Template: project.Container{NetworkMode: "service:vpn"}},
		project.Service{Name: "vpn", Replicas: 1, Template: project.Container{Restart: project.Restart{Condition: project.RestartAlways}}},
	)
	up(t, p, w, w, "n1")
	w.Kill("shop-vpn-1.n1")
	if c := w.Observe("shop").Containers; !c[0].CutOff || c[1].State == planner.StateRunning {
		t.Fatalf("there is %+v", c)
	}
	plan := up(t, p, w, w, "n2")
	if c := w.Observe("shop").Containers; c[0].CutOff || c[0].ID != "shop-app-1.n1" {
		t.Errorf("after\n%s\nthere is %+v", plan, c)
	}
	if plan := up(t, p, w, w, "n3"); !plan.Empty() {
		t.Errorf("there is something to do:\n%s", plan)
	}
}

func TestContainersStayTheSameWhenTheirNetworkIsReplaced(t *testing.T) {
	p, w := shop(
		project.Service{Name: "db", Replicas: 1},
		project.Service{Name: "web", Replicas: 2, Template: project.Container{Needs: []project.Need{{Service: "db"}}}},
	)
	up(t, p, w, w, "n1")
	before := w.Observe("shop").Containers
	p.Networks[0].Subnets = []project.Subnet{{Subnet: netip.MustParsePrefix("10.1.0.0/16")}}
	plan := up(t, p, w, w, "n2")
	obs := w.Observe("shop")
	if len(obs.Networks) != 1 || len(obs.Networks[0].Subnets) != 1 {
		t.Errorf("the networks are %+v", obs.Networks)
	}
	for i, c := range obs.Containers {
		if c.ID != before[i].ID || c.State != planner.StateRunning {
			t.Errorf("after\n%s\n%s is %s", plan, c.ID, c.State)
		}
	}
}

// serving is a world in which a service never may have stopped as a whole.
type serving struct {
	*plantest.World
	service string
	mu      sync.Mutex
	gone    []string
}

// StopContainer implements executor.Containers.
func (s *serving) StopContainer(ctx context.Context, id string, grace time.Duration) error {
	err := s.World.StopContainer(ctx, id, grace)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.Observe("shop").Containers, func(c planner.Container) bool {
		return c.Spec.Service == s.service && c.Running()
	}) {
		s.gone = append(s.gone, id)
	}
	return err
}

func TestReplicasWithOneHostPortNeverStopAllAtOnce(t *testing.T) {
	port := []project.Port{{Target: 80, Protocol: "tcp", Published: 8080}}
	for _, c := range []struct {
		name     string
		from, to int
	}{
		{"as many", 3, 3},
		{"more", 1, 2},
		{"fewer", 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, w := shop(project.Service{Name: "web", Replicas: c.from, Template: project.Container{Ports: port}})
				w.Delay = func(string) time.Duration { return time.Second } // what can happen at once does
				up(t, p, w, w, "n1")
				p.Services[0].Replicas, p.Services[0].Template.User = c.to, "www"
				s := &serving{World: w, service: "web"}
				plan := up(t, p, w, s, "n2")
				if len(s.gone) > 0 {
					t.Errorf("nothing served after the stop of %v:\n%s", s.gone, plan)
				}
			})
		})
	}
}

// A replacement that does not start leaves the other replicas.
func TestAReplicaThatDoesNotStartKeepsTheOthersServing(t *testing.T) {
	p, w := shop(project.Service{Name: "web", Replicas: 3, Template: project.Container{
		Ports: []project.Port{{Target: 80, Protocol: "tcp", Published: 8080}},
	}})
	up(t, p, w, w, "n1")
	p.Services[0].Template.User = "www"
	plan, err := planner.Up(p, w.Observe("shop"), planner.Options{Nonce: "n2"})
	if err != nil {
		t.Fatal(err)
	}
	w.Fault = func(call string) plantest.Fault {
		if strings.HasPrefix(call, "start ") {
			return plantest.Before
		}
		return plantest.None
	}
	if err := executor.Apply(t.Context(), plan, w, executor.Options{}); err == nil {
		t.Fatal("no error")
	}
	var runs []string
	for _, c := range w.Observe("shop").Containers {
		if c.Running() {
			runs = append(runs, c.ID)
		}
	}
	if got := fmt.Sprint(runs); got != "[shop-web-2.n1 shop-web-3.n1]" {
		t.Errorf("%s run", got)
	}
}
