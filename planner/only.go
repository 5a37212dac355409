package planner

import "slices"

// named tells whether a container is among Options.Only.
func (b *builder) named(c instance) bool { return slices.Contains(b.opt.Only, c.ID) }

// spared tells whether Options.Only leaves a container out.
func (b *builder) spared(c instance) bool { return b.opt.Only != nil && !b.named(c) }
