package plantest

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// History is a past full of changes, interruptions and accidents, and a last
// wish.
type History struct {
	Moves []Move
	Last  *project.Project
	Wait  bool // that the last up waits
}

// Histories generates histories.
func Histories() *rapid.Generator[History] {
	return rapid.Custom(func(t *rapid.T) History {
		h := History{
			Moves: rapid.SliceOfN(moves(), 0, 6).Draw(t, "moves"),
			Last:  Projects().Draw(t, "last"),
			Wait:  rapid.IntRange(0, 3).Draw(t, "wait") == 0,
		}
		if rapid.IntRange(0, 2).Draw(t, "steady") > 0 {
			h.steady(rapid.IntRange(0, 3).Draw(t, "but"))
		}
		return h
	})
}

// steady makes the history one of a project that does not change, but (1) by its
// first service, which is new in the last up, or by its networks (2) or its volume
// (3), which are defined anew.
func (h *History) steady(but int) {
	p := *h.Last
	switch {
	case but == 1 && len(p.Services) > 0:
		p.Services = p.Services[1:]
	case but == 2:
		p.Networks = slices.Clone(p.Networks)
		for i := range p.Networks {
			p.Networks[i].Internal = p.Networks[i].Project != "" && !p.Networks[i].Internal
		}
	}
	if but == 3 {
		p.Volumes = slices.Clone(p.Volumes)
		for i := range p.Volumes {
			if !p.Volumes[i].External {
				p.Volumes[i].Options = map[string]string{"type": "none"}
			}
		}
	}
	for i := range h.Moves {
		if h.Moves[i].Project != nil {
			h.Moves[i].Project = &p
		}
	}
}

func moves() *rapid.Generator[Move] {
	kinds := []Kind{
		MoveUp, MoveUp, MoveUp, MoveUp, MoveUp, MoveUp, MoveDown, MoveStop, MoveStart, MoveCrash, MoveCrash, MoveVanish, MovePublish,
		MoveRestart, MoveKill, MovePause, MoveUnpause, MoveRemove, MoveReboot, MoveRun, MoveRun, MoveRun,
	}
	return rapid.Custom(func(t *rapid.T) Move {
		m := Move{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Pick: rapid.IntRange(0, 20).Draw(t, "pick")}
		if m.Kind == MoveUp || m.Kind == MoveDown || m.Kind == MoveRun {
			m.Project = Projects().Draw(t, "project")
		}
		m.Faults = rapid.SliceOfN(rapid.SampledFrom([]Fault{None, None, None, None, None, Before, After}), 0, 8).Draw(t, "faults")
		m.Cancel = max(rapid.IntRange(-20, 20).Draw(t, "cancel"), 0)
		m.Options = planner.Options{
			RemoveOrphans:  rapid.Bool().Draw(t, "orphans"),
			NoStart:        rapid.IntRange(0, 5).Draw(t, "nostart") == 0,
			Volumes:        rapid.IntRange(0, 3).Draw(t, "volumes") == 0,
			RenewAnonymous: rapid.IntRange(0, 5).Draw(t, "renew") == 0,
			Wait:           rapid.IntRange(0, 5).Draw(t, "wait") == 0,
			NoDeps:         rapid.IntRange(0, 2).Draw(t, "nodeps") == 0,
			Stop:           rapid.Bool().Draw(t, "stop"),
			Signal:         rapid.SampledFrom([]string{"", "SIGHUP", "SIGTERM"}).Draw(t, "signal"),
		}
		if rapid.IntRange(0, 3).Draw(t, "select") == 0 {
			m.Options.Selected = []string{rapid.SampledFrom(services).Draw(t, "selected")}
		}
		answers := []planner.VolumePolicy{planner.VolumeAnew, planner.VolumeAnew, planner.VolumeKept, planner.VolumeRefused}
		m.Options.Redefined = map[string]planner.VolumePolicy{dataVolume: rapid.SampledFrom(answers).Draw(t, "redefined")}
		policies := []planner.RecreatePolicy{planner.RecreateChanged, planner.RecreateChanged, planner.RecreateChanged, planner.RecreateAll, planner.RecreateNever}
		m.Options.Recreate = rapid.SampledFrom(policies).Draw(t, "recreate")
		return m
	})
}
