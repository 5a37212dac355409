package loader

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"tags.cncf.io/container-device-interface/pkg/parser"

	"github.com/gocompose/gocompose/project"
)

// hostPath reports what is no absolute path.
func (p place) hostPath(text string) string {
	if !path.IsAbs(text) {
		p.near(text, "the path on the host is %q: want an absolute one, like /dev/sda", text)
		return text
	}
	return path.Clean(text)
}

func (p place) devices(s types.ServiceConfig) project.Devices {
	var out project.Devices
	taken := map[string]bool{}
	for i, m := range s.Devices {
		at := p.in("devices", index(i))
		if name := cdiName(m); name != "" {
			out.CDI = append(out.CDI, name)
			continue
		}
		node := at.deviceNode(m)
		if taken[node.Target] {
			at.near(m.Source, "there are two devices at %s; remove one", node.Target)
		}
		taken[node.Target] = true
		out.Nodes = append(out.Nodes, node)
	}
	slices.SortFunc(out.Nodes, func(a, b project.Device) int { return cmp.Compare(a.Target, b.Target) })
	out.Rules = p.in("device_cgroup_rules").deviceRules(s.DeviceCgroupRules)
	for i, r := range s.Gpus {
		r.Capabilities = append(slices.Clone(r.Capabilities), "gpu")
		out.Requests = append(out.Requests, p.in("gpus", index(i)).deviceRequest("gpus", r))
	}
	if s.Deploy != nil && s.Deploy.Resources.Reservations != nil {
		for i, r := range s.Deploy.Resources.Reservations.Devices {
			at := p.in("deploy", "resources", "reservations", "devices", index(i))
			out.Requests = append(out.Requests, at.deviceRequest("deploy.resources.reservations.devices", r))
		}
	}
	return out
}

// cdiName returns the CDI name that a device is, or "". Such names may have
// colons, where compose-go takes them apart.
func cdiName(m types.DeviceMapping) string {
	name := m.Source
	if m.Target != m.Source && m.Target != "" {
		name += ":" + m.Target
	}
	if parser.IsQualifiedName(name) {
		return name
	}
	return ""
}

func (p place) deviceNode(m types.DeviceMapping) project.Device {
	source := cmp.Or(m.Source, m.Target)
	out := project.Device{
		Source:      p.hostPath(source),
		Target:      path.Clean(cmp.Or(m.Target, source)),
		Permissions: cmp.Or(m.Permissions, "rwm"),
	}
	switch {
	case isDeviceAccess(out.Target):
		p.near(source, "%q is where the path in the container stands; write %s:%s:%s", m.Target, source, source, m.Target)
	case path.IsAbs(source) && (!path.IsAbs(out.Target) || out.Target == "/"):
		p.near(source, "the path in the container is %q: want an absolute one", m.Target)
	}
	if !isDeviceAccess(out.Permissions) {
		p.near(source, "%q is no permission; want some of r (read), w (write), m (make its node)", out.Permissions)
	}
	return out
}

// isDeviceAccess tells whether text is some of r, w and m, each once.
func isDeviceAccess(text string) bool {
	for _, c := range text {
		if !strings.ContainsRune("rwm", c) || strings.Count(text, string(c)) > 1 {
			return false
		}
	}
	return text != ""
}

// deviceRule is the form of the kernel (Documentation/admin-guide/cgroup-v1/devices.rst).
var deviceRule = lazily(`^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$`)

func (p place) deviceRules(rules []string) []string {
	for i, rule := range rules {
		at := p.in(index(i))
		m := deviceRule().FindStringSubmatch(rule)
		switch {
		case m == nil || !isDeviceAccess(m[4]):
			at.near(rule, "%q is not a rule like \"c 1:3 rwm\": type (a, b, c), major:minor, permissions", rule)
		// The kernel takes numbers and permissions of such a rule for all.
		case m[1] == "a" && (m[2] != "*" || m[3] != "*" || len(m[4]) != 3):
			at.near(rule, "type a allows all of all devices, so only \"a *:* rwm\" says what it does; write rules of types c and b")
		}
	}
	return slices.Clone(rules)
}

// gpuCapabilities are those of NVIDIA's driver, and what says that it is one.
var gpuCapabilities = []string{
	"gpu", "nvidia", "amd", "compute", "compat32", "graphics", "utility", "video", "display", "ngx",
}

func (p place) deviceRequest(attribute string, r types.DeviceRequest) project.DeviceRequest {
	out := project.DeviceRequest{Attribute: attribute, Driver: r.Driver, Count: int64(r.Count), IDs: slices.Clone(r.IDs)}
	switch {
	case out.Count < project.AllDevices || out.Count == 0 && len(out.IDs) == 0:
		p.in("count").problem("must be 1 or more, or all")
	case out.Driver == project.DriverCDI && len(out.IDs) == 0:
		p.problem("with driver cdi, device_ids name the devices; give them, like vendor.com/class=name")
	}
	if out.Driver == project.DriverCDI {
		for i, id := range r.IDs {
			if !parser.IsQualifiedName(id) {
				p.in("device_ids", index(i)).near(id, "%q is not a CDI name like vendor.com/class=name", id)
			}
		}
		return out
	}
	for i, c := range r.Capabilities {
		if !slices.Contains(gpuCapabilities, c) {
			p.in("capabilities", index(i)).near(c, "not supported yet: %q is not one of %s; name other devices with driver: cdi", c, joined(gpuCapabilities))
			return out
		}
	}
	if !slices.Contains(r.Capabilities, "gpu") {
		p.in("capabilities").problem("not supported yet: only GPUs are found by what they can; add gpu, or name the devices with driver: cdi")
	}
	return out
}
