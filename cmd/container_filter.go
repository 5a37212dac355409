package cmd

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// newContainerFilters reads the filters of containers. Those that others are named
// in (before, since) find them among all; nil: whether they are there is not
// asked.
func newContainerFilters(given []string, all []host.Info) (filters[host.Info], error) {
	keys := []string{"ancestor", "before", "exited", "expose", "health", "id", "label", "name", "network", "publish", "since", "status", "volume"}
	return newFilters(given, keys, func(key, value string) (func(host.Info) bool, error) { return containerAccepts(key, value, all) })
}

// containerAccepts returns what one filter means.
func containerAccepts(key, value string, all []host.Info) (func(host.Info) bool, error) {
	switch key {
	case "ancestor":
		return func(i host.Info) bool { return madeFrom(i, value) }, nil
	case "before", "since":
		return containersBeside(key, value, all)
	case "exited":
		code, err := strconv.Atoi(value)
		return func(i host.Info) bool { return i.State == planner.StateExited && i.ExitCode == code }, err
	case "expose", "publish":
		return portAccepts(key, value)
	case "health":
		if !slices.Contains([]string{"starting", "healthy", "unhealthy", "none"}, value) {
			return nil, errors.New("want starting, healthy, unhealthy or none")
		}
		return func(i host.Info) bool { return inspectHealth(i).Status == value }, nil
	case "label":
		return func(i host.Info) bool { return hasLabel(i.Labels, value) }, nil
	case "network":
		return func(i host.Info) bool {
			return slices.ContainsFunc(i.Spec.Networks, func(e project.Endpoint) bool { return e.Network == value })
		}, nil
	case "status":
		if !slices.Contains(statuses(), value) {
			return nil, fmt.Errorf("want %s", strings.Join(statuses(), ", "))
		}
		return func(i host.Info) bool { return string(i.State) == value }, nil
	case "volume":
		return func(i host.Info) bool { return mountsAt(i, value) }, nil
	}
	re, err := regexp.Compile(value)
	return func(i host.Info) bool {
		if key == "id" {
			return re.MatchString(i.ID)
		}
		return re.MatchString(i.Name) || re.MatchString("/"+i.Name)
	}, err
}

// statuses are docker's; a container is never removing or dead here.
func statuses() []string {
	return []string{"paused", "restarting", "removing", "running", "dead", "created", "exited"}
}

// containersBeside accepts what was made before or after a container that there
// is.
func containersBeside(key, name string, all []host.Info) (func(host.Info) bool, error) {
	if all == nil {
		return func(host.Info) bool { return false }, nil
	}
	than, err := containerNamed(all, name)
	return func(i host.Info) bool {
		if key == "before" {
			return i.CreatedAt.Before(than.CreatedAt)
		}
		return i.CreatedAt.After(than.CreatedAt)
	}, err
}

// madeFrom tells whether the image of a container is the one that is named, with
// or without its tag, or by its digest.
func madeFrom(i host.Info, image string) bool {
	ref := planner.ShortImage(i.Spec.Image)
	repository, _, _ := strings.Cut(ref, ":")
	return slices.Contains([]string{i.Spec.Image, ref, repository, i.ImageDigest}, image)
}

// portAccepts takes a port, or a range of them, of the container: 80,
// 8000-8010/udp.
func portAccepts(key, value string) (func(host.Info) bool, error) {
	ports, protocol, ok := strings.Cut(value, "/")
	if !ok {
		protocol = "tcp"
	}
	from, to, ok := strings.Cut(ports, "-")
	if !ok {
		to = from
	}
	first, err := strconv.ParseUint(from, 10, 16)
	last, lerr := strconv.ParseUint(to, 10, 16)
	if err != nil || lerr != nil {
		return nil, errors.New("want a port, or FIRST-LAST, with /PROTOCOL or without")
	}
	in := func(port uint16, of string) bool {
		return of == protocol && uint64(port) >= first && uint64(port) <= last
	}
	return func(i host.Info) bool {
		for _, p := range publishers(i) {
			if in(p.TargetPort, p.Protocol) && (key == "expose" || p.PublishedPort > 0) || key == "publish" && in(p.PublishedPort, p.Protocol) {
				return true
			}
		}
		return false
	}, nil
}

// mountsAt tells whether a container mounts that volume, or something at that
// target.
func mountsAt(i host.Info, value string) bool {
	for target, name := range i.Anonymous {
		if target == value || name == value {
			return true
		}
	}
	return slices.ContainsFunc(slices.Concat(i.Spec.Mounts, i.Taken), func(m project.Mount) bool {
		return m.Target == value || m.Source == value
	})
}
