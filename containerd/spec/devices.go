package spec

import (
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Device is a device node that the container gets.
type Device struct {
	specs.LinuxDevice
	// Access is some of "rwm".
	Access string
}

// devices returns the nodes to be made. Privileged containers have all of the
// host, and what was asked for at other places.
func devices(in Input) []specs.LinuxDevice {
	var out []specs.LinuxDevice
	if in.Container.Privileged {
		out = slices.Clone(in.Host.Devices)
	}
	for _, d := range in.Devices {
		out = slices.DeleteFunc(out, func(other specs.LinuxDevice) bool { return other.Path == d.Path })
		out = append(out, d.LinuxDevice)
	}
	return out
}

// deviceRules returns what may be done with which devices. For privileged
// containers that is everything: permissions of single devices do not count.
func deviceRules(in Input) []specs.LinuxDeviceCgroup {
	rules := []specs.LinuxDeviceCgroup{{Allow: in.Container.Privileged, Access: "rwm"}}
	if in.Container.Privileged {
		return rules
	}
	for _, d := range in.Devices {
		major, minor := d.Major, d.Minor
		rules = append(rules, specs.LinuxDeviceCgroup{Allow: true, Type: d.Type, Major: &major, Minor: &minor, Access: d.Access})
	}
	for _, text := range in.Container.Devices.Rules {
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
