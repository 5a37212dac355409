package loader

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// Docker's names of the options that are looked at here.
const (
	bridgeName      = "com.docker.network.bridge.name"
	hostBinding     = "com.docker.network.bridge.host_binding_ipv4"
	driverMTU       = "com.docker.network.driver.mtu"
	driverIPv6      = "com.docker.network.enable_ipv6"
	parentOption    = "parent"
	endpointSysctls = "com.docker.network.endpoint.sysctls"
	endpointName    = "com.docker.network.endpoint.ifname"
)

// ours begins the names of the bridges that gocompose names itself.
const ours = "gc"

// check returns what is wrong with a value, or nothing.
type check func(value string) string

// optionsOf returns what networks of a driver can be told; nil: the driver is
// not known.
func optionsOf(driver string) map[string]check {
	switch driver {
	case project.DriverBridge:
		return map[string]check{
			bridgeName:                             checkBridgeName,
			driverMTU:                              checkMTU,
			"com.docker.network.bridge.enable_icc": checkBool,
			"com.docker.network.bridge.enable_ip_masquerade": checkBool,
			"com.docker.network.bridge.inhibit_ipv4":         checkBool,
			"com.docker.network.bridge.gateway_mode_ipv4":    checkGatewayMode,
			"com.docker.network.bridge.gateway_mode_ipv6":    checkGatewayMode,
			hostBinding:                                 checkIPv4,
			"com.docker.network.host_ipv4":              checkIPv4,
			"com.docker.network.container_iface_prefix": checkInterfacePrefix,
		}
	case project.DriverMacvlan:
		return map[string]check{
			parentOption:   checkInterface,
			driverMTU:      checkMTU,
			"macvlan_mode": oneOf("bridge", "vepa", "passthru", "private"),
		}
	case project.DriverIpvlan:
		return map[string]check{
			parentOption:  checkInterface,
			"ipvlan_mode": oneOf("l2", "l3", "l3s"),
			"ipvlan_flag": oneOf("bridge", "private", "vepa"),
		}
	}
	return nil
}

// driverOptions returns driver_opts as they are written, checked.
func (p place) driverOptions(opts types.Options, n project.Network) map[string]string {
	known := optionsOf(n.Driver)
	if known == nil {
		return nil // its driver is refused
	}
	for _, name := range sortedKeys(opts) {
		at := p.in("driver_opts", name)
		if check, ok := known[name]; !ok && name == driverIPv6 {
			at.problem("is an attribute of its own by now; set enable_ipv6: %s in its place", opts[name])
		} else if !ok {
			at.problem(notYet+"of the options of %s networks, only %s are", n.Driver, joined(sortedKeys(known)))
		} else if wrong := check(opts[name]); wrong != "" {
			at.problem("%s", wrong)
		}
	}
	if mtu, err := strconv.Atoi(opts[driverMTU]); err == nil && n.IPv6 && mtu < 1280 && checkMTU(opts[driverMTU]) == "" {
		p.in("driver_opts", driverMTU).problem("%d is too small for IPv6, which needs 1280", mtu)
	}
	if len(opts) == 0 {
		return nil
	}
	return maps.Clone(opts)
}

func checkBool(value string) string {
	if _, err := strconv.ParseBool(value); err != nil {
		return fmt.Sprintf("%q is not true or false", value)
	}
	return ""
}

// checkMTU takes what an Ethernet interface that carries IPv4 can have (RFC 791).
func checkMTU(value string) string {
	if n, err := strconv.Atoi(value); err != nil || n < 68 || n > 65535 {
		return fmt.Sprintf("%q is not a number of bytes from 68 to 65535", value)
	}
	return ""
}

func checkIPv4(value string) string {
	if ip, err := netip.ParseAddr(value); err != nil || !ip.Is4() {
		return fmt.Sprintf("%q is not an IPv4 address", value)
	}
	return ""
}

func checkGatewayMode(value string) string {
	switch value {
	case "nat":
		return ""
	case "routed", "isolated", "nat-unprotected":
		return notYet + "only nat is: containers are reached by published ports"
	}
	return fmt.Sprintf("%q is not a mode; want nat", value)
}

func oneOf(values ...string) check {
	return func(value string) string {
		if slices.Contains(values, value) {
			return ""
		}
		return fmt.Sprintf("%q is not one of %s", value, joined(values))
	}
}

// maxInterfaceName is IFNAMSIZ without its zero byte.
const maxInterfaceName = 15

// checkInterface takes what the kernel takes as the name of a network interface
// (dev_valid_name), without what its sysctls mean something else by, and
// without "%", for which it chooses a number.
func checkInterface(value string) string {
	switch {
	case value == "":
		return "is empty; want the name of an interface"
	case len(value) > maxInterfaceName:
		return fmt.Sprintf("%q is longer than the %d bytes that an interface's name can have", value, maxInterfaceName)
	case value == "." || value == ".." || value == "all" || value == "default" ||
		strings.ContainsAny(value, "/:%") || strings.ContainsFunc(value, unprintable):
		return fmt.Sprintf("%q cannot be the name of an interface", value)
	}
	return ""
}

// unprintable tells spaces, control characters and what is not ASCII.
func unprintable(r rune) bool { return r <= ' ' || r > '~' }

func checkInterfacePrefix(value string) string {
	if value == "" {
		return checkInterface(value)
	}
	return checkInterface(value + "00")
}

func checkBridgeName(value string) string {
	if strings.HasPrefix(value, ours) {
		return fmt.Sprintf("%q begins with %q, as the bridges do that gocompose names itself; choose another", value, ours)
	}
	if wrong := checkInterface(value); wrong != "" {
		return wrong
	}
	// It goes into rules of other programs, to which other characters mean something.
	if !plainName().MatchString(value) {
		return fmt.Sprintf("%q cannot be the name of a bridge: letters, digits, _ . - only", value)
	}
	return ""
}

var plainName = lazily(`^[A-Za-z0-9._-]+$`)
