package cmd

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
)

// networkFilter is one --filter of docker network's commands.
type networkFilter struct {
	key, value string
	accepts    func(host.Network) bool
}

// networkFilters are all that were given. As in docker, of those of one key one
// is to accept, but of the labels and times all.
type networkFilters []networkFilter

// networkScope is that of all networks: there is one host.
const networkScope = "local"

// newNetworkFilters reads KEY=VALUE, of the keys that a command has.
func newNetworkFilters(given, keys []string, now time.Time) (networkFilters, error) {
	var all networkFilters
	for _, text := range given {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usage("invalid --filter %q: KEY=VALUE", text)
		}
		key = strings.ToLower(strings.TrimSpace(key))
		if !slices.Contains(keys, key) {
			return nil, usage("unknown filter %q: %s", key, strings.Join(keys, ", "))
		}
		accepts, err := networkAccepts(key, value, now)
		if err != nil {
			return nil, usage("--filter %s: %v", text, err)
		}
		all = append(all, networkFilter{key, value, accepts})
	}
	return all, nil
}

// networkAccepts returns what one filter means.
func networkAccepts(key, value string, now time.Time) (func(host.Network) bool, error) {
	switch key {
	case "name", "id":
		return networkMatches(key, value)
	case "driver":
		return func(n host.Network) bool { return networkDriver(n) == value }, nil
	case "scope":
		return func(host.Network) bool { return value == networkScope }, nil
	case "label":
		return func(n host.Network) bool { return hasLabel(n, value) }, nil
	case "label!":
		return func(n host.Network) bool { return !hasLabel(n, value) }, nil
	case "type":
		if value != "custom" && value != "builtin" {
			return nil, errors.New("want custom or builtin")
		}
		return func(n host.Network) bool { return builtin(n) == (value == "builtin") }, nil
	case "dangling":
		want, err := strconv.ParseBool(value)
		if err != nil {
			return nil, errors.New("want true or false")
		}
		return func(n host.Network) bool { return (len(n.Attached) == 0 && !builtin(n)) == want }, nil
	}
	until, err := when(value, now) // until
	if err == nil && value == "" {
		err = errors.New("want a time, or a duration before now: 24h")
	}
	return func(n host.Network) bool { return n.CreatedAt.Before(until) }, err
}

// networkMatches takes a regular expression, as docker does, which a part of a
// name is too.
func networkMatches(key, value string) (func(host.Network) bool, error) {
	re, err := regexp.Compile(value)
	return func(n host.Network) bool {
		if key == "id" {
			return re.MatchString(n.ID)
		}
		return re.MatchString(n.Name)
	}, err
}

// hasLabel tells whether n has the label KEY, or KEY=VALUE.
func hasLabel(n host.Network, label string) bool {
	key, want, exact := strings.Cut(label, "=")
	value, ok := n.AllLabels[key]
	return ok && (!exact || value == want)
}

// builtin tells whether n is nobody's: made and removed as containers need it.
func builtin(n host.Network) bool { return n.Name == project.DefaultBridge && n.Project == "" }

func (f networkFilters) accept(n host.Network) bool {
	accepted := map[string]bool{}
	for _, one := range f {
		ok := one.accepts(n)
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
