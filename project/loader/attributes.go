package loader

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// attributes returns the verdict on every attribute of the Compose
// specification, by its place in the schema. A rule other than parts covers
// everything beneath its place. A test holds the table to compose-go's schema.
func attributes() map[string]rule {
	all := map[string]rule{
		"name":     is(honoured),
		"version":  {verdict: noEffect, why: "obsolete; the loader warns"},
		"include":  but("also of files in registries and Git repositories, see remote.md"),
		"services": is(parts),
		"networks": is(parts),
		"volumes":  is(parts),
		"jobs":     is(parts),

		"x-gocompose":                   is(parts),
		"x-gocompose.restart_unhealthy": no("it is a setting of services; move it to one"),

		"jobs.*": {verdict: limited, ok: isManualJob, why: "only those without `triggers.schedule` are, which `up` leaves alone; nothing is run by the clock: " +
			"for what runs to completion with the others, use a service with `deploy.mode: replicated-job`"},

		"secrets": is(parts),
		"configs": is(parts),

		// Nothing is made of these until a service uses them, and that is refused.
		"models": {verdict: noEffect, why: "refused at the service that uses it"},
	}
	for prefix, rules := range map[string]map[string]rule{
		"services.*":             serviceRules(),
		"services.*.x-gocompose": verifyRules(),
		"x-gocompose":            verifyRules(),
		"services.*.build":       buildRules(),
		"services.*.deploy":      deployRules(),
		"services.*.deploy.resources.reservations": reservationRules(),
		"services.*.healthcheck":                   healthRules(),
		"services.*.networks":                      endpointRules(),
		"services.*.ports.[]":                      portRules(),
		"services.*.volumes.[]":                    mountRules(),
		"networks.*":                               networkRules(),
		"volumes.*":                                volumeRules(),
		"secrets.*":                                secretRules(),
		"configs.*":                                configRules(),
	} {
		for key, r := range rules {
			all[join(prefix, key)] = r
		}
	}
	for _, p := range []string{"services.*", "networks.*", "volumes.*", "secrets.*", "configs.*"} {
		all[p] = is(parts)
	}
	return all
}

func is(v verdict) rule { return rule{verdict: v} }

func no(why string) rule { return rule{verdict: refused, why: why} }

// but is honoured, with something worth knowing about it.
func but(note string) rule { return rule{verdict: honoured, why: note} }

func nothing(why string) rule { return rule{verdict: noEffect, why: why} }

// only accepts the values given, as text.
func only(why string, values ...string) rule {
	return rule{verdict: limited, why: why, ok: func(v any) bool {
		return slices.Contains(values, fmt.Sprint(v))
	}}
}

func deployRules() map[string]rule {
	return map[string]rule{
		"replicas":                is(honoured),
		"resources":               is(parts),
		"resources.limits":        is(parts),
		"resources.limits.cpus":   is(honoured),
		"resources.limits.memory": is(honoured),
		"resources.limits.pids":   but("0 and -1 are no limit"),
		"resources.reservations":  is(parts),
		"labels":                  nothing("metadata of the service, not of its containers"),
		"mode": only("only replicated, global (one replica: there is one host), replicated-job and global-job (run to completion; "+
			"`up` runs it again when it has failed or was changed) are", modeReplicated, modeGlobal, modeReplicatedJob, modeGlobalJob),
		"endpoint_mode": only("only vip and dnsrr are, and mean the same: names resolve to every "+
			"replica, and published ports are balanced over all of them", "vip", "dnsrr"),
		"placement":                       is(parts),
		"placement.constraints":           but("== and != of node.hostname, node.role (manager), node.platform.os and .arch, node.labels.* and engine.labels.* (none); what this host does not meet is an error"),
		"placement.preferences":           nothing("there is one host"),
		"placement.max_replicas_per_node": but("more replicas are an error: there is one host"),
		"restart_policy":                  is(parts),
		"restart_policy.condition":        but("any, the specification's default, is always; `restart` does not count beside it"),
		"restart_policy.delay":            but("0 is Docker's back-off: 100 ms, doubling up to a minute"),
		"restart_policy.max_attempts":     but("with any condition; 0 is no limit"),
		"restart_policy.window":           is(honoured),
		"update_config":                   nothing(updateText),
		"rollback_config":                 nothing(updateText),
	}
}

// updateText says what becomes of how services are to be updated.
const updateText = "checked, and not followed yet: a plan that replaces containers of the service says so"

func endpointRules() map[string]rule {
	return map[string]rule{
		"*":                        is(parts),
		"*.aliases":                is(honoured),
		"*.priority":               but("the order of connection; the highest is first"),
		"*.driver_opts":            but("com.docker.network.endpoint.sysctls and com.docker.network.endpoint.ifname; others are refused"),
		"*.gw_priority":            but("the default route leads through the network with the highest that is not internal"),
		"*.interface_name":         is(honoured),
		"*.ipv4_address":           but(fixedAddress),
		"*.ipv6_address":           but(fixedAddress),
		"*.link_local_ips":         but("with one replica at most"),
		"*.mac_address":            but("with one replica at most, and not on ipvlan networks"),
		"*.use_service_name_alias": only("a service's name always resolves; only true is", "true"),
	}
}

const fixedAddress = "of a subnet in the network's ipam.config, neither its gateway nor one of aux_addresses; with one replica at most"

func portRules() map[string]rule {
	return map[string]rule{
		"target":       is(honoured),
		"published":    but("a range is for the first port of it that is free; one port with several replicas is balanced over them"),
		"host_ip":      but("every address, of IPv4 and IPv6, or the host_binding_ipv4 of the network"),
		"protocol":     {verdict: limited, why: "only tcp, udp and sctp ports are published", ok: isProtocol},
		"mode":         only("only ingress and host are, which mean the same on one host", "ingress", "host"),
		"name":         nothing("a description for people"),
		"app_protocol": nothing("a description for people and proxies"),
	}
}

func networkRules() map[string]rule {
	return map[string]rule{
		"name":     is(honoured),
		"external": is(honoured),
		"labels":   is(honoured),
		"driver": only("only bridge, macvlan, ipvlan, host and none are; there is one host, so overlay networks span nothing",
			"", project.DriverBridge, project.DriverMacvlan, project.DriverIpvlan, hostNetwork, noneNetwork),
		"driver_opts": but("options of other drivers than the network's, and those that are not known here, are refused"),
		"attachable":  nothing("every network can be joined by other projects, as an external one"),
		"enable_ipv4": but("false needs enable_ipv6"),
		"enable_ipv6": but("with a subnet that is free, of fd00::/8, where ipam.config has none; not given, it is true where that has one of IPv6"),
		"internal":    but("ports of services on nothing else are not published; the loader warns"),

		"ipam":                         is(parts),
		"ipam.driver":                  only("only default is", "", "default"),
		"ipam.options":                 no("addresses are assigned here, and there are no options of it; remove it"),
		"ipam.config":                  is(parts),
		"ipam.config.[].subnet":        but("needed in each entry"),
		"ipam.config.[].gateway":       but("not given: the first address"),
		"ipam.config.[].ip_range":      is(honoured),
		"ipam.config.[].aux_addresses": is(honoured),
	}
}

func volumeRules() map[string]rule {
	return map[string]rule{
		"name":        is(honoured),
		"external":    is(honoured),
		"labels":      is(honoured),
		"driver":      only("only local is; there are no plugins", "local"),
		"driver_opts": but("those of Docker's local driver: type, device and o; size, which needs a quota, and others are refused"),
	}
}

// isManualJob accepts a job that runs only when it is asked to.
func isManualJob(v any) bool {
	job, _ := v.(map[string]any)
	triggers, _ := job["triggers"].(map[string]any)
	schedule, _ := triggers["schedule"].([]any)
	return len(schedule) == 0
}

// isProtocol accepts what ports can be of, in either case.
func isProtocol(v any) bool {
	text, _ := v.(string)
	return slices.Contains([]string{"tcp", "udp", "sctp"}, strings.ToLower(text))
}
