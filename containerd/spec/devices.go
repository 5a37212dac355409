package spec

import (
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

// Device is a device node that the container gets.
type Device struct {
	specs.LinuxDevice
	// Access is some of "rwm".
	Access string
}

// AddDevices gives a container that Build made devices of the host. Privileged
// ones get all of them, and may do everything with each: of those that were
// asked for, other places in the container count, and permissions do not.
func AddDevices(s *specs.Spec, c project.Container, all []specs.LinuxDevice, asked []Device) {
	nodes := s.Linux.Devices
	if c.Privileged {
		nodes = append(nodes, all...)
	}
	for _, d := range asked {
		nodes = slices.DeleteFunc(nodes, func(other specs.LinuxDevice) bool { return other.Path == d.Path })
		nodes = append(nodes, d.LinuxDevice)
		if !c.Privileged {
			major, minor := d.Major, d.Minor
			s.Linux.Resources.Devices = append(s.Linux.Resources.Devices,
				specs.LinuxDeviceCgroup{Allow: true, Type: d.Type, Major: &major, Minor: &minor, Access: d.Access})
		}
	}
	s.Linux.Devices = nodes
}

// deviceRules returns what may be done with which devices, beside those that
// AddDevices gives.
func deviceRules(c project.Container) []specs.LinuxDeviceCgroup {
	rules := []specs.LinuxDeviceCgroup{{Allow: c.Privileged, Access: "rwm"}}
	if c.Privileged {
		return rules
	}
	for _, text := range c.Devices.Rules {
		rules = append(rules, deviceRule(text))
	}
	return rules
}

// deviceRule reads a rule as the loader lets it through: "c 1:* rwm".
func deviceRule(text string) specs.LinuxDeviceCgroup {
	kind, rest, _ := strings.Cut(text, " ")
	numbers, access, _ := strings.Cut(rest, " ")
	major, minor, _ := strings.Cut(numbers, ":")
	return specs.LinuxDeviceCgroup{Allow: true, Type: kind, Major: deviceNumber(major), Minor: deviceNumber(minor), Access: access}
}

// deviceNumber returns nil, any, for "*".
func deviceNumber(text string) *int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}
