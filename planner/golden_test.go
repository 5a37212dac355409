package planner_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

var update = flag.Bool("update", false, "write the plans that come out into testdata")

// scenario is what is wanted, in JSON, with the dull parts left out.
type scenario struct {
	Command string // the function's name, in small letters
	Options planner.Options
	Seconds *int // Options.Timeout
	Project project.Project
	NoFiles bool   // the project is made from what is there
	OneOff  string // the service that a one-off is made of
}

// present is one container that is there. Spec is laid over what the project
// wants today.
type present struct {
	Service string
	Replica int
	Nonce   string
	State   planner.State
	Exit    int
	Stopped bool
	CutOff  bool
	Due     bool   // HooksDue
	Init    int    // it is the container of that pre_start, from 1, which was left
	Slug    string // it is a one-off
	Left    bool   // which is left over
	Digest  string
	Spec    json.RawMessage
	Anon    map[string]string
}

type world struct {
	Containers []present
	Networks   []project.Network
	Volumes    []project.Volume
	Images     map[string]string
	Names      map[string]string
	Ports      []planner.TakenPort
	Used       map[project.ID][]string
	Others     map[string]bool
}

// Each file of testdata is a wish, what is there, and the plan or the refusal
// that comes of them.
func TestPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := planOf(t, section(a, "wanted.json"), section(a, "observed.json"))
			if want := string(section(a, "plan")); got == want {
				return
			} else if !*update {
				t.Fatalf("got:\n%s\nwant:\n%s", got, want)
			}
			for i := range a.Files {
				if a.Files[i].Name == "plan" {
					a.Files[i].Data = []byte(got)
				}
			}
			if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func section(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func strictly(t *testing.T, data []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func planOf(t *testing.T, wanted, observed []byte) string {
	t.Helper()
	var s scenario
	strictly(t, wanted, &s)
	p := &s.Project
	for i := range p.Services {
		c := &p.Services[i].Template
		c.Project, c.Service = p.Name, p.Services[i].Name
		if c.Image == "" {
			c.Image = "docker.io/library/" + c.Service + ":1"
		}
	}
	obs := observedOf(t, p, observed)
	s.Options.Nonce = "n1"
	if s.Seconds != nil {
		d := time.Duration(*s.Seconds) * time.Second
		s.Options.Timeout = &d
	}
	if s.NoFiles {
		p = planner.FromObserved(p.Name, obs)
	}
	for i, service := range p.Services {
		if service.Name == s.OneOff {
			p.Services[i] = service.AsOneOff("0123456789ab")
		}
	}
	make := map[string]func(*project.Project, planner.Observed, planner.Options) (*planner.Plan, error){
		"up": planner.Up, "down": planner.Down, "start": planner.Start, "stop": planner.Stop,
		"restart": planner.Restart, "kill": planner.Kill, "pause": planner.Pause, "unpause": planner.Unpause,
		"remove": planner.Remove, "oneoff": planner.OneOff,
		"revive": func(p *project.Project, obs planner.Observed, _ planner.Options) (*planner.Plan, error) {
			return planner.Revive(p.Name, obs)
		},
	}[s.Command]
	plan, err := make(p, obs, s.Options)
	if err != nil {
		return "refused:\n" + err.Error() + "\n"
	}
	var b strings.Builder
	for _, c := range plan.Changes() {
		fmt.Fprintf(&b, "%c %s\n", c.Action, c.ID)
	}
	for _, c := range plan.Unchanged {
		fmt.Fprintf(&b, "= %s\n", c.Target)
	}
	b.WriteString("\n" + plan.String())
	for _, step := range plan.Steps {
		switch op := step.Op.(type) {
		case planner.CreateContainer:
			fmt.Fprintf(&b, "%s: %s %v\n", step.ID(), op.ID, op.Inherit)
		case planner.StopContainer:
			fmt.Fprintf(&b, "%s: %s within %v\n", step.ID(), op.Container.ID, op.Grace)
		case planner.AwaitContainer:
			if op.Optional {
				fmt.Fprintf(&b, "%s: optional\n", step.ID())
			}
		case planner.StartContainer:
			if s.Command == "revive" {
				fmt.Fprintf(&b, "%s: %s\n", step.ID(), op.Container.ID)
			}
		case planner.KillContainer:
			fmt.Fprintf(&b, "%s: %s\n", step.ID(), op.Signal)
		}
	}
	return b.String()
}

func observedOf(t *testing.T, p *project.Project, data []byte) planner.Observed {
	t.Helper()
	var w world
	if len(data) > 0 {
		strictly(t, data, &w)
	}
	obs := planner.Observed{Networks: w.Networks, Volumes: w.Volumes, Images: w.Images, Names: w.Names, Ports: w.Ports, Used: w.Used, Others: w.Others}
	for _, c := range w.Containers {
		if c.Replica == 0 {
			c.Replica = 1
		}
		template := project.Service{Template: project.Container{
			Project: p.Name, Service: c.Service, Image: "docker.io/library/" + c.Service + ":1",
		}}
		for _, s := range p.Services {
			if s.Name == c.Service {
				template = s
			}
		}
		spec := template.Container(c.Replica)
		spec.StopGrace = project.DefaultStopGrace
		// A deep copy: what is laid over must not show in the project.
		copied, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		spec = project.Container{}
		strictly(t, copied, &spec)
		if c.Spec != nil {
			strictly(t, c.Spec, &spec)
		}
		if c.State == "" {
			c.State = planner.StateRunning
		}
		if c.Nonce == "" {
			c.Nonce = "n0"
		}
		one := planner.Container{
			ID: planner.ContainerID(p.Name, c.Service, c.Replica, c.Nonce), Spec: spec, State: c.State, ExitCode: c.Exit, Stopped: c.Stopped, CutOff: c.CutOff,
			HooksDue: c.Due, ImageDigest: c.Digest, Anonymous: c.Anon,
		}
		if c.Slug != "" {
			spec.Name, spec.Replica = "", 0
			one.ID, one.Spec = planner.OneOffID(p.Name, c.Service, c.Slug), project.Service{Template: spec}.AsOneOff(c.Slug).Template
			if c.Left {
				obs.Leftovers = append(obs.Leftovers, one)
			} else {
				obs.OneOffs = append(obs.OneOffs, one)
			}
			continue
		}
		if c.Init == 0 {
			obs.Containers = append(obs.Containers, one)
			continue
		}
		one.ID, one.Spec = planner.ContainerID(p.Name, c.Service, 0, c.Nonce), spec.InitContainers(0)[c.Init-1]
		obs.Leftovers = append(obs.Leftovers, one)
	}
	for i := range p.Services {
		p.Services[i].Template.StopGrace = project.DefaultStopGrace
	}
	return obs
}
