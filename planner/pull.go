package planner

import "slices"

// Pull plans to fetch the images that refs name, whether they are there or not.
func Pull(refs []string) *Plan {
	refs = slices.Sorted(slices.Values(refs))
	p := &Plan{}
	for _, ref := range slices.Compact(refs) {
		p.Steps = append(p.Steps, Step{Op: PullImage{ref}, Why: because(Requested)})
	}
	return p
}
