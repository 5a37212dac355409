package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var errNotFound = errors.New("not found")

// naming is how users name one of a kind: by its ID, its name, or what its ID alone
// begins with.
type naming[O any] struct {
	kind string // "network"
	// list is the command that lists them.
	list string
	id   func(O) string // nil: they have none
	name func(O) string
}

// find returns the one that is named so. The error is errNotFound where none is.
func (n naming[O]) find(all []O, name string) (none O, _ error) {
	for _, of := range []func(O) string{n.id, n.name} {
		if of == nil {
			continue
		}
		if i := slices.IndexFunc(all, func(o O) bool { return of(o) == name }); i >= 0 {
			return all[i], nil
		}
	}
	var found []O
	for _, o := range all {
		if n.id != nil && name != "" && strings.HasPrefix(n.id(o), name) {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 0:
		return none, fmt.Errorf("%s %s %w: `gocompose %s` lists those that there are", n.kind, name, errNotFound, n.list)
	case 1:
		return found[0], nil
	}
	return none, fmt.Errorf("%s %s is ambiguous: the IDs of %d %ss begin so; give more of it, or a name", n.kind, name, len(found), n.kind)
}
