package loader

import (
	"math"

	"github.com/gocompose/gocompose/project"
)

func serviceRules() map[string]rule {
	rules := processRules()
	for _, more := range []map[string]rule{
		lifeRules(), isolationRules(), securityRules(), resourceRules(), deviceRules(), connectionRules(), fileRules(),
	} {
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
		"extends":     but("`file` may be in a registry or a Git repository too, see remote.md"),
		"volumes":     is(parts),
		"tmpfs":       is(honoured),
		"volumes_from": but("what the first replica, or the container, has at the time: binds, volumes, also anonymous ones and its image's, and " +
			"images, but no tmpfs; when it is replaced, so is who takes from it"),
		"read_only": but("volumes, tmpfs and /dev/shm can be written to"),
		"platform": but("not given, DOCKER_DEFAULT_PLATFORM, then the host's; what the processor does not run needs an " +
			"emulator in the kernel (binfmt_misc)"),
		"pull_policy":        but("what has both image and build is built when it cannot be pulled; build builds it each time, and never pulls"),
		"pull_refresh_after": but("with pull_policy: refresh; without it that is always"),

		"build":       is(parts),
		"annotations": but("of the OCI specification that the runtime gets; io.containerd.* and io.kubernetes.cri.*, which containerd obeys, are refused"),
		"models":      no("there is no runner of models; run one as a service, or elsewhere, and name it in environment"),
		"provider": but("its program is run by `up`, before anything else is planned, and by `down`; what it sets goes before the environment of " +
			"services that depend on it, see docs/providers.md"),
		"stdin_open":     but("standard input has no end; `attach` sends what is typed there, `up` nothing"),
		"tty":            but("of 80 columns and 24 rows until somebody attaches; `up` shows what it prints, and sends nothing there"),
		"use_api_socket": only("only false is: there is no Docker API that a container could use; remove it", "false"),
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
		"logging.driver": only("only json-file, local, none, journald, syslog and fluentd are; for others have a collector, such as Fluent Bit, "+
			"read one of these", project.LogJSONFile, project.LogLocal, project.LogNone, project.LogJournald, project.LogSyslog, project.LogFluentd),
		"logging.options": but("of json-file and local max-size and max-file; Docker's of the others, see docs/logging.md"),
		"attach":          is(honoured),
		"develop":         but("by `watch` and `up --watch`, see docs/watch.md"),
		"healthcheck":     is(parts),
		"restart":         but(`"no", always, on-failure, on-failure:3, unless-stopped`),
		"x-gocompose":     is(parts),
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
		"privileged":      is(honoured),
		"cap_add":         is(honoured),
		"cap_drop":        is(honoured),
		"sysctls":         is(honoured),
		"isolation":       only("only default is", "default"),
		"credential_spec": no("it is for Windows; remove it"),
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
