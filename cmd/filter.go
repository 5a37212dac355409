package cmd

import (
	"slices"
	"strings"
)

// filter is one --filter of docker's commands on networks or volumes.
type filter[O any] struct {
	key, value string
	accepts    func(O) bool
}

// filters are all that were given. As in docker, of those of one key one is to
// accept, but of the labels and times all.
type filters[O any] []filter[O]

// newFilters reads KEY=VALUE, of the keys that a command has. What one means
// accepts says.
func newFilters[O any](given, keys []string, accepts func(key, value string) (func(O) bool, error)) (filters[O], error) {
	var all filters[O]
	for _, text := range given {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usage("invalid --filter %q: KEY=VALUE", text)
		}
		key = strings.ToLower(strings.TrimSpace(key))
		if !slices.Contains(keys, key) {
			return nil, usage("unknown filter %q: %s", key, strings.Join(keys, ", "))
		}
		is, err := accepts(key, value)
		if err != nil {
			return nil, usage("--filter %s: %v", text, err)
		}
		all = append(all, filter[O]{key, value, is})
	}
	return all, nil
}

func (f filters[O]) accept(o O) bool {
	accepted := map[string]bool{}
	for _, one := range f {
		ok := one.accepts(o)
		before, had := accepted[one.key]
		switch one.key {
		case "label", "label!", "until":
			accepted[one.key] = ok && (before || !had)
		default:
			accepted[one.key] = ok || before
		}
	}
	for _, ok := range accepted {
		if !ok {
			return false
		}
	}
	return true
}

// has tells whether a filter of that key was given.
func (f filters[O]) has(key string) bool {
	return slices.ContainsFunc(f, func(one filter[O]) bool { return one.key == key })
}

// hasLabel tells whether there is the label KEY, or KEY=VALUE.
func hasLabel(labels map[string]string, label string) bool {
	key, want, exact := strings.Cut(label, "=")
	value, ok := labels[key]
	return ok && (!exact || value == want)
}
