package planner

import "slices"

// spared tells whether Options.Only leaves a container out.
func (b *builder) spared(c instance) bool {
	return b.opt.Only != nil && !slices.Contains(b.opt.Only, c.ID)
}
