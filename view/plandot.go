package view

import (
	"io"
	"strings"

	"github.com/gocompose/gocompose/planner"
)

// DOT writes p for graphviz: an arrow leads from each step to those that wait
// for it, a dashed one to those that begin even if it fails.
func DOT(w io.Writer, p *planner.Plan) error {
	out := &sticky{w: w}
	out.printf("digraph %s {\n\trankdir=LR\n\tnode [shape=box]\n", dotString(p.Project))
	for _, s := range p.Steps {
		why := make([]string, len(s.Why))
		for i, r := range s.Why {
			why[i] = r.String()
		}
		out.printf("\t%s [tooltip=%s]\n", dotString(string(s.ID())), dotString(strings.Join(why, ", ")))
	}
	for _, s := range p.Steps {
		for _, n := range s.Needs {
			out.printf("\t%s -> %s\n", dotString(string(n)), dotString(string(s.ID())))
		}
		for _, n := range s.After {
			out.printf("\t%s -> %s [style=dashed]\n", dotString(string(n)), dotString(string(s.ID())))
		}
	}
	out.printf("}\n")
	return out.err
}

// dotString quotes s as the DOT language does.
func dotString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s) + `"`
}
