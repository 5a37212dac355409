package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

const yesUsage = `Assume "yes" as answer to all prompts and run non-interactively`

// redefinedVolumes says what becomes of the volumes that were made by another
// definition than the project's.
type redefinedVolumes func(*project.Project, planner.Observed) (map[string]planner.VolumePolicy, error)

// refuseRedefined is for where nobody is asked.
func refuseRedefined(*project.Project, planner.Observed) (map[string]planner.VolumePolicy, error) {
	return nil, nil
}

// redefinedVolumes asks about each on a terminal: nobody's data is lost without
// that. With yes they are replaced. Elsewhere, or when there is no answer, they
// are refused.
func (a *app) redefinedVolumes(ctx context.Context, yes bool) redefinedVolumes {
	return func(p *project.Project, obs planner.Observed) (map[string]planner.VolumePolicy, error) {
		out := map[string]planner.VolumePolicy{}
		for _, v := range planner.ChangedVolumes(p, obs) {
			switch {
			case yes:
				out[v.Volume.Name] = planner.VolumeAnew
			case a.asks():
				text, err := a.answer(ctx, question(v))
				if err != nil {
					return nil, err
				}
				out[v.Volume.Name] = policy(text)
			}
		}
		return out, nil
	}
}

// question is docker compose's.
func question(v planner.ChangedVolume) string {
	loss := "data will be lost"
	if !v.Loses() {
		loss = "what is on its device stays there"
	}
	return fmt.Sprintf("Volume %q exists but doesn't match configuration in compose file. Recreate (%s)?", v.Volume.Name, loss)
}

// policy is what an answer means: an empty line is no, and no answer is none.
func policy(text string) planner.VolumePolicy {
	switch {
	case isYes(text):
		return planner.VolumeAnew
	case strings.HasSuffix(text, "\n"):
		return planner.VolumeKept
	}
	return planner.VolumeRefused
}
