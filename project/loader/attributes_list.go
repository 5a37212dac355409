package loader

import (
	"cmp"
	"slices"
)

// Attribute is what gocompose does about one attribute of the Compose
// specification.
type Attribute struct {
	// Path is the place in the schema, "services.*.ports.[].mode": "*" is any
	// name, "[]" any item of a list. Everything beneath it has the same verdict.
	Path    string
	Verdict Verdict
	// Why is the reason. For what is limited it says which values are supported;
	// for what is honoured it is what is worth knowing, if anything.
	Why string
}

// Verdict is what becomes of an attribute when a file is loaded.
type Verdict string

const (
	Honoured Verdict = "honoured"
	NoEffect Verdict = "no effect" // accepted, because there is nothing to do about it
	Limited  Verdict = "limited"   // values that are not supported are refused
	Refused  Verdict = "refused"
)

// Attributes returns the verdicts on all attributes, sorted by path. What is
// made of parts is not in it: its parts are.
func Attributes() []Attribute {
	verdicts := map[verdict]Verdict{honoured: Honoured, noEffect: NoEffect, limited: Limited, refused: Refused}
	var out []Attribute
	for path, r := range attributes() {
		if r.verdict != parts {
			out = append(out, Attribute{path, verdicts[r.verdict], r.why})
		}
	}
	slices.SortFunc(out, func(a, b Attribute) int { return cmp.Compare(a.Path, b.Path) })
	return out
}
