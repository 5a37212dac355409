package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/gocompose/gocompose/planner"
)

// Text writes what p changes, for people: a line for each resource, with a sign
// for what happens to it and the reasons.
func Text(w io.Writer, p *planner.Plan) error {
	out := &sticky{w: w}
	changes := p.Changes()
	width := 0
	for _, c := range changes {
		width = max(width, cells(c.ID.String()))
	}
	for _, c := range changes {
		why := make([]string, len(c.Why))
		for i, r := range c.Why {
			why[i] = oneLine(r.String())
		}
		if c.Tried {
			why = append(why, "built if it cannot be pulled")
		}
		out.printf("%c %s  %s\n", c.Action, pad(c.ID.String(), min(width, 40)), strings.Join(why, ", "))
	}
	for _, n := range p.Notices {
		out.printf("! %s\n", oneLine(n.Text))
	}
	out.printf("%s\n", summary(changes))
	return out.err
}

// actions are what a summary counts, in this order.
var actions = []struct {
	action planner.Action
	words  string
}{
	{planner.Fetch, "to pull"},
	{planner.Check, "to verify"},
	{planner.Send, "to push"},
	{planner.Build, "to build"},
	{planner.Add, "to create"},
	{planner.Replace, "to replace"},
	{planner.Run, "to start"},
	{planner.Halt, "to stop"},
	{planner.Delete, "to remove"},
	{planner.Signal, "to send a signal to"},
	{planner.Freeze, "to pause"},
	{planner.Thaw, "to unpause"},
	{planner.Prepare, "to prepare"},
	{planner.Provide, "to be provided"},
	{planner.Hold, "to wait for"},
}

func summary(changes []planner.Change) string {
	if len(changes) == 0 {
		return "Nothing to do."
	}
	count := map[planner.Action]int{}
	for _, c := range changes {
		count[c.Action]++
	}
	var parts []string
	for _, a := range actions {
		if n := count[a.action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, a.words))
		}
	}
	return "Plan: " + strings.Join(parts, ", ") + "."
}
