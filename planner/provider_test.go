package planner_test

import (
	"slices"
	"testing"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// provided is a project of an app on a database, which is provided on a cloud.
func provided() *project.Project {
	return &project.Project{
		Name: "shop", Known: []string{"app", "cloud", "db", "other"},
		Providers: []project.Provider{
			{Project: "shop", Name: "cloud", Type: "cloud"},
			{Project: "shop", Name: "db", Type: "pg", Needs: []string{"cloud"}},
		},
		Services: []project.Service{
			{Name: "app", Replicas: 1, Providers: []string{"db"}, Template: project.Container{
				Project: "shop", Service: "app", Image: "a:1", Env: map[string]string{"OWN": "1", "RAW": "own"},
				Needs: []project.Need{{Service: "db", Condition: project.Healthy}},
			}},
			{Name: "other", Replicas: 1, Template: project.Container{Project: "shop", Service: "other", Image: "a:1"}},
		},
	}
}

// observed is what is there of p.
func observed(p *project.Project) planner.Observed {
	obs := planner.Observed{Images: map[string]string{"a:1": "sha256:1"}}
	for _, s := range p.Services {
		obs.Containers = append(obs.Containers, planner.Container{
			ID: s.Name + ".k1", Spec: s.Container(1), State: planner.StateRunning, ImageDigest: "sha256:1",
		})
	}
	return obs
}

func TestProvidersAreBroughtUpInOrder(t *testing.T) {
	want := `up provider/cloud (needed by provider/db)
up provider/db (needed by service/app)
	after up provider/cloud
`
	if got := planner.ProvidersUp(provided()).String(); got != want {
		t.Errorf("the plan is\n%s", got)
	}
	shown := planner.ProvidersShown(provided())
	if len(shown.Notices) != 1 || len(shown.Steps) != 2 {
		t.Errorf("it is shown as\n%s", shown)
	}
	alone := provided()
	alone.Services = alone.Services[1:]
	if shown := planner.ProvidersShown(alone); len(shown.Notices) != 0 {
		t.Errorf("nothing depends on what is provided:\n%s", shown)
	}
}

func TestProvidedVariablesReplace(t *testing.T) {
	first := planner.Provided(provided(), planner.Observed{}, map[string]map[string]string{"cloud": nil, "db": {"DB_URL": "x", "RAW": "y"}})
	obs := observed(first)
	for _, c := range []struct {
		name  string
		given map[string]map[string]string
		want  []string // the reasons to replace app's container
	}{
		{"the same", map[string]map[string]string{"db": {"DB_URL": "x", "RAW": "y"}}, nil},
		{"not run", nil, nil},
		{"another value", map[string]map[string]string{"db": {"DB_URL": "z", "RAW": "y"}}, []string{"environment.DB_URL changed"}},
		{"one less", map[string]map[string]string{"db": {"DB_URL": "x"}}, []string{"environment.RAW changed"}},
		{"its own value", map[string]map[string]string{"db": {"DB_URL": "x", "RAW": "y", "OWN": "1"}}, []string{"environment.OWN changed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := planner.Provided(provided(), obs, c.given)
			plan, err := planner.Up(p, obs, planner.Options{Nonce: "n1"})
			if err != nil {
				t.Fatal(err)
			}
			var why []string
			for _, change := range plan.Changes() {
				if change.ID.String() != "container/app-1" {
					t.Errorf("%s changes", change.ID)
				}
				for _, r := range change.Why {
					why = append(why, r.String())
				}
			}
			if !slices.Equal(why, c.want) {
				t.Errorf("it is replaced because of %q, want %q", why, c.want)
			}
		})
	}
}

func TestDownTakesProvidersLast(t *testing.T) {
	p := provided()
	obs := observed(planner.Provided(p, planner.Observed{}, map[string]map[string]string{"db": {"DB_URL": "x"}}))
	step := func(p *project.Project, opt planner.Options, id planner.StepID) (needs []planner.StepID, notices int) {
		t.Helper()
		plan, err := planner.Down(p, obs, opt)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(plan.Steps, func(s planner.Step) bool { return s.ID() == id })
		if i < 0 {
			return []planner.StepID{"none"}, len(plan.Notices)
		}
		return plan.Steps[i].Needs, len(plan.Notices)
	}
	for _, c := range []struct {
		name    string
		opt     planner.Options
		id      planner.StepID
		want    []planner.StepID
		notices int
		project *project.Project
	}{
		{"after who depends on it", planner.Options{}, "down provider/db", []planner.StepID{"remove container/app-1"}, 0, p},
		{"after the provider that needs it", planner.Options{}, "down provider/cloud", []planner.StepID{"down provider/db"}, 0, p},
		{"named", planner.Options{Selected: []string{"db"}}, "down provider/db", []planner.StepID{"remove container/app-1"}, 0, p},
		{"not named", planner.Options{Selected: []string{"other"}}, "down provider/db", []planner.StepID{"none"}, 0, p},
		{"without files", planner.Options{}, "down provider/db", []planner.StepID{"none"}, 1, planner.FromObserved("shop", obs)},
	} {
		needs, notices := step(c.project, c.opt, c.id)
		if !slices.Equal(needs, c.want) || notices != c.notices {
			t.Errorf("%s: %s needs %q, want %q; %d notices", c.name, c.id, needs, c.want, notices)
		}
	}
}
