package loader

import "math"

func serviceRules() map[string]rule {
	rules := processRules()
	for _, more := range []map[string]rule{lifeRules(), isolationRules(), resourceRules(), connectionRules()} {
		for key, r := range more {
			rules[key] = r
		}
	}
	return rules
}

// processRules are about what runs in the container.
func processRules() map[string]rule {
	return map[string]rule{
		"image":       is(honoured),
		"command":     is(honoured),
		"entrypoint":  is(honoured),
		"environment": is(honoured),
		"env_file":    is(honoured),
		"user":        is(honoured),
		"working_dir": is(honoured),
		"hostname":    is(honoured),
		"domainname":  is(honoured),
		"labels":      but("com.docker.compose.* and dev.gocompose.* are gocompose's own, whatever the file says"),
		"label_file":  but("read as an env file: names of letters, digits and `_.-`"),
		"init":        is(honoured),
		"extends":     is(honoured),
		"volumes":     is(parts),
		"tmpfs":       is(honoured),
		"read_only":   is(honoured),
		"platform": {verdict: limited, why: "only the host's own platform is run; remove it",
			ok: isHostPlatform},
		"pull_policy": only("images are pulled when they are missing; pull before `up`, or remove it",
			"missing", "if_not_present"),
		"pull_refresh_after": no("images are pulled when they are missing; remove it"),

		"build":          no("images are not built; build it and name it with `image`"),
		"annotations":    but("of the OCI specification; io.containerd.* and io.kubernetes.cri.*, which containerd obeys, are refused"),
		"configs":        no("configs are not mounted; use a bind mount"),
		"secrets":        no("secrets are not mounted; use a read-only bind mount"),
		"group_add":      no("supplementary groups are not added; use user"),
		"models":         no("there is no runner of models; run one as a service, or elsewhere, and name it in environment"),
		"provider":       no("its program is not run; run that yourself and give its variables to the services that need them, or use a service with an image"),
		"stdin_open":     only("containers have no standard input", "false"),
		"tty":            only("containers have no terminal; remove it", "false"),
		"umask":          no("the umask is the image's; remove it"),
		"use_api_socket": only("there is no Docker API that a container could use; remove it", "false"),
		"volumes_from":   no("mounts are not taken over; name the volumes in each service"),
	}
}

// lifeRules are about when containers come and go.
func lifeRules() map[string]rule {
	return map[string]rule{
		"container_name":         is(honoured),
		"depends_on":             is(parts),
		"depends_on.*":           is(parts),
		"depends_on.*.restart":   is(honoured),
		"depends_on.*.required":  is(honoured),
		"depends_on.*.condition": but("service_healthy needs a health check, of the service or its image"),
		"deploy":                 is(parts),
		"scale":                  is(honoured),
		"profiles":               is(honoured),
		"stop_signal":            is(honoured),
		"stop_grace_period":      is(honoured),
		"logging":                is(parts),
		"logging.driver":         only("only json-file and none are", "json-file", "none"),
		"logging.options":        is(honoured),
		"attach":                 is(honoured),
		"develop":                nothing("for `watch` only"),
		"healthcheck":            is(parts),
		"restart":                but(`"no", always, on-failure, on-failure:3, unless-stopped`),
		"x-gocompose":            is(parts),
		"x-gocompose.restart_unhealthy": but("gocompose's own: a container that turns unhealthy is stopped and started again, " +
			"whatever its restart policy"),
		"pre_start": but("each entry is as a service, and runs before every start by `up`, `start`, `restart`: once, or with " +
			"per_replica once for each; the service's named volumes and binds are there, its anonymous volumes are not"),
		"post_start": but("after every start by `up`, `start`, `restart`; not when a restart policy starts the container again"),
		"pre_stop": but("before every stop by `stop`, `down`, `restart`, a replacement; one that fails keeps the container running; " +
			"not by `kill`"),
	}
}

// healthRules are about health checks. What is not given, or 0, is the image's,
// then Docker's default.
func healthRules() map[string]rule {
	return map[string]rule{
		"test":         but("a string is for the shell; a list begins with CMD, CMD-SHELL or NONE"),
		"disable":      is(honoured),
		"interval":     but("0 is as not given: the image's, or 30s"),
		"timeout":      but("0 is as not given: the image's, or 30s; the probe is killed then"),
		"start_period": but("0 is as not given: the image's, or 0s"),
		"start_interval": but("0 is as not given: the image's, or 5s; only together with start_period, " +
			"as in docker compose"),
		"retries": {verdict: limited, why: "only whole numbers are",
			ok: func(v any) bool {
				f, fraction := v.(float64)
				return !fraction || f == math.Trunc(f)
			}},
	}
}

// isolationRules are about what separates the container from the host.
func isolationRules() map[string]rule {
	return map[string]rule{
		"privileged":          is(honoured),
		"cap_add":             is(honoured),
		"cap_drop":            is(honoured),
		"sysctls":             is(honoured),
		"security_opt":        no("the default seccomp profile is always used; remove it"),
		"userns_mode":         no("containers use the host's user namespace; remove it"),
		"cgroup":              no("containers have a cgroup namespace of their own; remove it"),
		"cgroup_parent":       no("cgroups are gocompose's; remove it"),
		"ipc":                 no("containers have an IPC namespace of their own; remove it"),
		"pid":                 no("containers have a PID namespace of their own; remove it"),
		"uts":                 no("containers have a UTS namespace of their own; remove it"),
		"isolation":           only("only default is", "default"),
		"runtime":             no("containers are run by runc; remove it"),
		"credential_spec":     no("it is for Windows; remove it"),
		"devices":             no("devices are not passed through; remove it"),
		"device_cgroup_rules": no("devices are not passed through; remove it"),
		"gpus":                no("devices are not passed through; remove it"),
		"storage_opt":         no("the container's files are not limited; remove it"),
	}
}

// resourceRules are about limits.
func resourceRules() map[string]rule {
	const cpu = "processors are limited by cpus; use it, or remove this"
	const memory = "memory is limited by mem_limit; use it, or remove this"
	return map[string]rule{
		"cpus":             is(honoured),
		"mem_limit":        is(honoured),
		"shm_size":         is(honoured),
		"ulimits":          is(honoured),
		"cpu_count":        no(cpu),
		"cpu_percent":      no(cpu),
		"cpu_period":       no(cpu),
		"cpu_quota":        no(cpu),
		"cpu_rt_period":    no(cpu),
		"cpu_rt_runtime":   no(cpu),
		"cpu_shares":       no(cpu),
		"cpuset":           no(cpu),
		"mem_reservation":  no(memory),
		"mem_swappiness":   no(memory),
		"memswap_limit":    no(memory),
		"oom_kill_disable": only("cgroup v2 cannot do it; remove it", "false"),
		"oom_score_adj":    no("the kernel's choice is not adjusted; remove it"),
		"pids_limit":       no("processes are not limited; remove it"),
		"blkio_config":     no("disks are not limited; remove it"),
	}
}

// connectionRules are about networks and names.
func connectionRules() map[string]rule {
	return map[string]rule{
		"ports":          is(parts),
		"expose":         is(honoured),
		"networks":       is(parts),
		"extra_hosts":    is(honoured),
		"network_mode":   but("bridge, none, host, service:NAME, container:NAME"),
		"dns":            but("asked for what is not known here, in place of the host's"),
		"dns_opt":        is(honoured),
		"dns_search":     but("`.`, or an empty list, is none; not given, the host's"),
		"links":          but("on networks that both services are on"),
		"external_links": but("on networks that both containers are on"),
		"mac_address":    but("of the network that is connected first; deprecated for the mac_address of the network"),
	}
}
