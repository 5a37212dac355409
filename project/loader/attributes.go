package loader

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// attributes returns the verdict on every attribute of the Compose
// specification, by its place in the schema. A rule other than parts covers
// everything beneath its place. A test holds the table to compose-go's schema.
func attributes() map[string]rule {
	all := map[string]rule{
		"name":     is(honoured),
		"version":  {verdict: noEffect, why: "obsolete; the loader warns"},
		"include":  is(honoured),
		"services": is(parts),
		"networks": is(parts),
		"volumes":  is(parts),
		"jobs":     no("jobs are not run; use a service and `depends_on`"),

		// Nothing is made of these until a service uses them, and that is refused.
		"secrets": {verdict: noEffect, why: "refused at the service that uses it"},
		"configs": {verdict: noEffect, why: "refused at the service that uses it"},
		"models":  {verdict: noEffect, why: "refused at the service that uses it"},
	}
	for prefix, rules := range map[string]map[string]rule{
		"services.*":             serviceRules(),
		"services.*.deploy":      deployRules(),
		"services.*.healthcheck": healthRules(),
		"services.*.networks":    endpointRules(),
		"services.*.ports.[]":    portRules(),
		"services.*.volumes.[]":  mountRules(),
		"networks.*":             networkRules(),
		"volumes.*":              volumeRules(),
	} {
		for key, r := range rules {
			all[join(prefix, key)] = r
		}
	}
	for _, p := range []string{"services.*", "networks.*", "volumes.*"} {
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
		"replicas":                    is(honoured),
		"resources":                   is(parts),
		"resources.limits":            is(parts),
		"resources.limits.cpus":       is(honoured),
		"resources.limits.memory":     is(honoured),
		"resources.limits.pids":       no("processes are not limited; remove it"),
		"resources.reservations":      no("nothing is reserved; use limits, or remove it"),
		"labels":                      nothing("metadata of the service, not of its containers"),
		"mode":                        only("only replicated is, on one host", "replicated"),
		"endpoint_mode":               no("names always resolve to every replica; remove it"),
		"placement":                   no("there is one host; remove it"),
		"restart_policy":              is(parts),
		"restart_policy.condition":    but("any, the specification's default, is always; `restart` does not count beside it"),
		"restart_policy.delay":        but("0 is Docker's back-off: 100 ms, doubling up to a minute"),
		"restart_policy.max_attempts": but("with any condition; 0 is no limit"),
		"restart_policy.window":       is(honoured),
		"update_config":               no("services are not updated step by step; remove it"),
		"rollback_config":             no("services are not rolled back; remove it"),
	}
}

func endpointRules() map[string]rule {
	return map[string]rule{
		"*":                        is(parts),
		"*.aliases":                is(honoured),
		"*.priority":               is(honoured),
		"*.driver_opts":            no("network drivers take no options; remove it"),
		"*.gw_priority":            no("the default route cannot be chosen; use priority"),
		"*.interface_name":         no("interfaces are named eth0, eth1, …; remove it"),
		"*.ipv4_address":           no("addresses are assigned; use the service's name"),
		"*.ipv6_address":           no("addresses are assigned; use the service's name"),
		"*.link_local_ips":         no("addresses are assigned; use the service's name"),
		"*.mac_address":            no("addresses are assigned; remove it"),
		"*.use_service_name_alias": only("a service's name always resolves; only true is", "true"),
	}
}

func portRules() map[string]rule {
	return map[string]rule{
		"target":       is(honoured),
		"published":    is(honoured),
		"host_ip":      is(honoured),
		"protocol":     only("only tcp and udp ports are published", "tcp", "udp", "TCP", "UDP"),
		"mode":         only("only ingress and host are, which mean the same on one host", "ingress", "host"),
		"name":         nothing("a description for people"),
		"app_protocol": nothing("a description for people and proxies"),
	}
}

func mountRules() map[string]rule {
	return map[string]rule{
		"type":                  only("only bind, volume and tmpfs mounts are made", "bind", "volume", "tmpfs"),
		"source":                is(honoured),
		"target":                is(honoured),
		"read_only":             is(honoured),
		"consistency":           nothing("a hint for other systems than Linux"),
		"bind":                  is(parts),
		"bind.create_host_path": is(honoured),
		"bind.propagation":      is(honoured),
		"bind.recursive":        no("binds are recursive, as their source is; remove it"),
		"bind.selinux":          no("nothing is relabelled; remove z or Z, and label the source with chcon"),
		"volume":                is(parts),
		"volume.nocopy":         is(honoured),
		"volume.labels":         no("anonymous volumes carry no labels; use a named volume"),
		"volume.subpath":        no("volumes are mounted whole; use a volume of its own"),
		"tmpfs":                 is(parts),
		"tmpfs.size":            is(honoured),
		"tmpfs.mode":            is(honoured),
		"image":                 no("images are not mounted; copy the files into a volume"),
	}
}

func networkRules() map[string]rule {
	return map[string]rule{
		"name":        is(honoured),
		"external":    is(honoured),
		"labels":      is(honoured),
		"driver":      only("only bridge networks are made", "bridge"),
		"driver_opts": no("bridges take no options; remove it"),
		"attachable":  only("containers outside the project cannot be attached; remove it", "false"),
		"enable_ipv4": only("every network has IPv4; remove it", "true"),
		"enable_ipv6": only("networks have no IPv6; remove it", "false"),
		"internal":    only("every network reaches the outside; remove it", "false"),
		"ipam":        no("subnets are assigned; remove it"),
	}
}

func volumeRules() map[string]rule {
	return map[string]rule{
		"name":        is(honoured),
		"external":    is(honoured),
		"labels":      is(honoured),
		"driver":      only("only local volumes are made", "local"),
		"driver_opts": no("local volumes are folders; for a folder of your own, use a bind mount"),
	}
}

// isHostPlatform accepts the platform that containers run on without
// emulation, in the spellings of the OCI image specification and of uname.
func isHostPlatform(v any) bool {
	text, _ := v.(string)
	text = strings.ToLower(text)
	arch := strings.TrimPrefix(text, "linux/")
	aliases := map[string]string{
		"x86_64": "amd64", "x86-64": "amd64", "amd64/v1": "amd64",
		"aarch64": "arm64", "arm64/v8": "arm64",
	}
	if a, ok := aliases[arch]; ok {
		arch = a
	}
	return arch == runtime.GOARCH || text == "linux"
}
