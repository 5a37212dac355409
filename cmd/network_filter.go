package cmd

import (
	"errors"
	"regexp"
	"strconv"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
)

// localScope is that of all networks and volumes: there is one host.
const localScope = "local"

// newNetworkFilters reads the filters of networks, of the keys that a command has.
func newNetworkFilters(given, keys []string, now time.Time) (filters[host.Network], error) {
	return newFilters(given, keys, func(key, value string) (func(host.Network) bool, error) { return networkAccepts(key, value, now) })
}

// networkAccepts returns what one filter means.
func networkAccepts(key, value string, now time.Time) (func(host.Network) bool, error) {
	switch key {
	case "name", "id":
		return networkMatches(key, value)
	case "driver":
		return func(n host.Network) bool { return networkDriver(n) == value }, nil
	case "scope":
		return func(host.Network) bool { return value == localScope }, nil
	case "label":
		return func(n host.Network) bool { return hasLabel(n.AllLabels, value) }, nil
	case "label!":
		return func(n host.Network) bool { return !hasLabel(n.AllLabels, value) }, nil
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

// builtin tells whether n is nobody's: made and removed as containers need it.
func builtin(n host.Network) bool { return n.Name == project.DefaultBridge && n.Project == "" }
