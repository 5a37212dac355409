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

// redefinedVolumes asks about each on a terminal, once: nobody's data is lost without
// that. With yes they are replaced. Elsewhere, or when there is no answer, they
// are refused.
func (a *app) redefinedVolumes(ctx context.Context, yes bool) redefinedVolumes {
	answers := map[string]planner.VolumePolicy{}
	return func(p *project.Project, obs planner.Observed) (map[string]planner.VolumePolicy, error) {
		out := map[string]planner.VolumePolicy{}
		for _, v := range planner.ChangedVolumes(p, obs) {
			switch {
			case yes:
				out[v.Volume.Name] = planner.VolumeAnew
			case a.asks():
				asked := fmt.Sprint(v) // another change is another question
				if _, known := answers[asked]; !known {
					text, err := a.answer(ctx, question(v))
					if err != nil {
						return nil, err
					}
					answers[asked] = policy(text)
				}
				out[v.Volume.Name] = answers[asked]
			}
		}
		return out, nil
	}
}

// askAboutVolumes has what will be asked about the project's volumes asked now, while
// nobody is locked out of the project.
func (a *app) askAboutVolumes(ctx context.Context, redefined redefinedVolumes) func(*project.Project) error {
	return func(p *project.Project) error {
		if len(p.Volumes) == 0 || !a.asks() {
			return nil
		}
		all, err := a.volumes(ctx)
		if err != nil {
			return err
		}
		var obs planner.Observed
		for _, v := range all {
			obs.Volumes = append(obs.Volumes, v.Volume.Volume)
		}
		_, err = redefined(p, obs)
		return err
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
