package plantest_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/planner/plantest"
	"github.com/gocompose/gocompose/project"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f != nil && f.Value.String() == f.DefValue {
		n := "1000"
		if testing.Short() {
			n = "300"
		}
		if err := flag.Set("rapid.checks", n); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// However a world came to be, one more up brings it where it should be.
func TestEveryHistoryConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := plantest.Histories().Draw(t, "history")
		if err := h.Run(1, plantest.Tamper{}); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzHistory(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		h := plantest.Histories().Draw(t, "history")
		if err := h.Run(1, plantest.Tamper{}); err != nil {
			t.Fatal(err)
		}
	}))
}

// The same with steps side by side, where the order of calls is chance.
func TestEveryHistoryConvergesInParallel(t *testing.T) {
	g := plantest.Histories()
	for seed := range 500 {
		if err := g.Example(seed).Run(4, plantest.Tamper{}); err != nil {
			t.Fatalf("history %d: %v", seed, err)
		}
	}
}

// The properties above are worth what they notice.
func TestPlantedFaultsAreNoticed(t *testing.T) {
	starts := func(s planner.Step) bool { _, is := s.Op.(planner.StartContainer); return is }
	faults := map[string]plantest.Tamper{
		"a container is not started": {Plan: without(starts)},
		"an old container is not removed": {Plan: without(func(s planner.Step) bool {
			_, is := s.Op.(planner.RemoveContainer)
			return is
		})},
		"what runs is not stopped": {Plan: without(func(s planner.Step) bool {
			_, is := s.Op.(planner.StopContainer)
			return is
		})},
		"a changed network stays as it is": {Plan: without(func(s planner.Step) bool {
			return s.Op.Target().Kind == project.KindNetwork && s.Why[0].Cause == planner.Changed
		})},
		"a changed volume stays as it is": {Plan: without(func(s planner.Step) bool {
			return s.Op.Target().Kind == project.KindVolume && s.Why[0].Cause == planner.Changed
		})},
		"a volume is removed while it is used": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return s.Op.Target().Kind == project.KindVolume && strings.HasPrefix(string(n), "remove container/")
		})},
		"a network is removed while it is used": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return s.Op.Target().Kind == project.KindNetwork && strings.HasPrefix(string(n), "stop ")
		})},
		"starts do not wait for networks": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return starts(s) && strings.HasPrefix(string(n), "create network/")
		})},
		"what shares a network namespace is not started anew": {Plan: without(func(s planner.Step) bool {
			return s.Why[0].Cause == planner.Follows && s.Why[0].Of.Kind == project.KindService
		})},
		"a network is not made": {Plan: without(func(s planner.Step) bool {
			_, is := s.Op.(planner.CreateNetwork)
			return is
		})},
		"starts do not wait for starts": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return starts(s) && (strings.HasPrefix(string(n), "start ") || strings.HasPrefix(string(n), "await-"))
		})},
		"starts do not wait for conditions": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return starts(s) && strings.HasPrefix(string(n), "await-")
		})},
		"nobody waits for what runs already": {Plan: without(func(s planner.Step) bool {
			_, is := s.Op.(planner.AwaitContainer)
			return is && len(s.Needs) == 0
		})},
		"containers do not wait for builds": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return s.Op.Verb() == planner.VerbCreate && strings.HasPrefix(string(n), "build ")
		})},
		"builds do not wait for those that they begin with": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return s.Op.Verb() == planner.VerbBuild && strings.HasPrefix(string(n), "build ")
		})},
		"post_start is not run": {Plan: without(func(s planner.Step) bool { return s.Op.Verb() == planner.VerbPostStart })},
		"pre_stop is not run":   {Plan: without(func(s planner.Step) bool { return s.Op.Verb() == planner.VerbPreStop })},
		"pre_start is not run":  {Plan: without(func(s planner.Step) bool { return s.Op.Verb() == planner.VerbPreStart })},
		"starts do not wait for pre_start": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return starts(s) && strings.HasPrefix(string(n), "pre-start ")
		})},
		"stops do not wait for pre_stop": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return s.Op.Verb() == planner.VerbStop && strings.HasPrefix(string(n), "pre-stop ")
		})},
		"nobody waits for post_start": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return strings.HasPrefix(string(n), "post-start ")
		})},
		"containers of pre_start stay": {Lose: func(call string) bool {
			return strings.HasPrefix(call, "remove demo-") && strings.Contains(call, "-0.")
		}},
		"what is paused stays so": {Plan: without(func(s planner.Step) bool { return s.Op.Verb() == planner.VerbUnpause })},
		"soft edges are hard": {Plan: func(p *planner.Plan) *planner.Plan {
			q := *p
			q.Steps = slices.Clone(p.Steps)
			for i, s := range q.Steps {
				q.Steps[i].Needs, q.Steps[i].After = slices.Concat(s.Needs, s.After), nil
			}
			return &q
		}},
		"optional waits are errors":    {Plan: optional(false)},
		"all waits are optional":       {Plan: optional(true)},
		"a backend lies about waiting": {Lose: func(call string) bool { return strings.HasPrefix(call, "await-") }},
		"a start does not wait for the end of the old one": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return starts(s) && (strings.HasPrefix(string(n), "remove ") || strings.HasPrefix(string(n), "stop "))
		})},
		"what runs is stopped before its replacement is made": {Plan: unordered(func(s planner.Step, n planner.StepID) bool {
			return s.Op.Verb() == planner.VerbStop && strings.HasPrefix(string(n), "create ")
		})},
		"a step has no reason": {Plan: func(p *planner.Plan) *planner.Plan {
			q := *p
			q.Steps = slices.Clone(p.Steps)
			for i := range q.Steps {
				q.Steps[i].Why = nil
			}
			return &q
		}},
		"anonymous volumes are not passed on": {Plan: func(p *planner.Plan) *planner.Plan {
			q := *p
			q.Steps = slices.Clone(p.Steps)
			for i, s := range q.Steps {
				if c, is := s.Op.(planner.CreateContainer); is {
					c.Inherit = nil
					q.Steps[i].Op = c
				}
			}
			return &q
		}},
		"a backend lies about starting":          {Lose: func(call string) bool { return strings.HasPrefix(call, "start demo-web") }},
		"a backend lies about removing networks": {Lose: func(call string) bool { return strings.HasPrefix(call, "remove network/") }},
		"a backend lies about removing volumes":  {Lose: func(call string) bool { return strings.HasPrefix(call, "remove volume/anon") }},
	}
	const histories = 4000
	g := plantest.Histories()
	for name, tamper := range faults {
		t.Run(name, func(t *testing.T) {
			for seed := range histories {
				if err := g.Example(seed).Run(1, tamper); err != nil {
					return
				}
			}
			t.Errorf("%d histories saw nothing", histories)
		})
	}
}

// optional returns what makes all waits of a plan optional, or none.
func optional(are bool) func(*planner.Plan) *planner.Plan {
	return func(p *planner.Plan) *planner.Plan {
		q := *p
		q.Steps = slices.Clone(p.Steps)
		for i, s := range q.Steps {
			if op, is := s.Op.(planner.AwaitContainer); is {
				op.Optional = are
				q.Steps[i].Op = op
			}
		}
		return &q
	}
}

// without returns what leaves steps out of a plan.
func without(drop func(planner.Step) bool) func(*planner.Plan) *planner.Plan {
	return func(p *planner.Plan) *planner.Plan {
		q := *p
		q.Steps = slices.DeleteFunc(slices.Clone(p.Steps), drop)
		kept := map[planner.StepID]bool{}
		for _, s := range q.Steps {
			kept[s.ID()] = true
		}
		for i := range q.Steps {
			gone := func(n planner.StepID) bool { return !kept[n] }
			q.Steps[i].Needs = slices.DeleteFunc(slices.Clone(q.Steps[i].Needs), gone)
			q.Steps[i].After = slices.DeleteFunc(slices.Clone(q.Steps[i].After), gone)
		}
		return &q
	}
}

// unordered returns what drops needs from a plan, and orders it anew.
func unordered(which func(planner.Step, planner.StepID) bool) func(*planner.Plan) *planner.Plan {
	return func(p *planner.Plan) *planner.Plan {
		q := *p
		q.Steps = slices.Clone(p.Steps)
		for i, s := range q.Steps {
			drop := func(n planner.StepID) bool { return which(s, n) }
			q.Steps[i].Needs = slices.DeleteFunc(slices.Clone(s.Needs), drop)
			q.Steps[i].After = slices.DeleteFunc(slices.Clone(s.After), drop)
		}
		slices.Reverse(q.Steps)
		q.Steps = topological(q.Steps)
		return &q
	}
}

// topological puts steps after what they need and otherwise leaves their order.
func topological(steps []planner.Step) []planner.Step {
	var out []planner.Step
	placed := map[planner.StepID]bool{}
	for len(out) < len(steps) {
		for _, s := range steps {
			ready := !slices.ContainsFunc(slices.Concat(s.Needs, s.After), func(n planner.StepID) bool { return !placed[n] })
			if !placed[s.ID()] && ready {
				placed[s.ID()] = true
				out = append(out, s)
			}
		}
	}
	return out
}
