package loader

import (
	"fmt"

	"github.com/gocompose/gocompose/project"
)

const (
	microseconds  = "in microseconds"
	realtimeShare = "in microseconds; with cgroup v1 and a kernel that groups real-time processes, else creating the container fails"
	needsBFQ      = "10 to 1000; creating the container fails where the kernel cannot weigh devices, as with most schedulers but BFQ"
	wholeDisk     = "of a whole disk; creating the container fails where the path is none"
	windows       = "it is for Windows; use cpus"
)

// resourceRules are about limits. What the kernel cannot do is known when a
// container is created, which fails then, with the reason.
func resourceRules() map[string]rule {
	return map[string]rule{
		"cpus":           but("not together with cpu_quota and cpu_period, which say the same"),
		"cpu_quota":      but(microseconds + ", 1000 or more; -1 is no limit"),
		"cpu_period":     but(microseconds + ", 1000 to 1000000"),
		"cpu_shares":     but("2 to 262144; the weight against others, who have 1024"),
		"cpuset":         but("as 0-3,5; creating the container fails where the host has not all of them"),
		"cpu_rt_runtime": but(realtimeShare),
		"cpu_rt_period":  but(realtimeShare),
		"cpu_count":      no(windows),
		"cpu_percent":    no(windows),

		"mem_limit":       but("6m or more"),
		"mem_reservation": but("6m or more, and no more than mem_limit"),
		"memswap_limit":   but("memory and swap together, so with mem_limit, and no less; -1 is no limit; not given, twice mem_limit"),
		"mem_swappiness": {verdict: limited, why: "only 1 to 100 are, with cgroup v1: 0 is as not given, and version 2 has no such thing",
			ok: func(v any) bool { return fmt.Sprint(v) != "0" }},
		"oom_kill_disable": but("with cgroup v1; version 2 cannot, and creating the container fails"),
		"oom_score_adj":    but("-1000 to 1000"),
		"pids_limit":       but("0 and -1 are no limit"),
		"shm_size":         is(honoured),
		"ulimits":          but("a number for both limits, or soft and hard; -1 is no limit; creating the container fails where the host cannot give them"),

		"blkio_config":                           is(parts),
		"blkio_config.weight":                    but(needsBFQ),
		"blkio_config.weight_device":             is(parts),
		"blkio_config.weight_device.[].path":     but(wholeDisk),
		"blkio_config.weight_device.[].weight":   but(needsBFQ),
		"blkio_config.device_read_bps":           is(parts),
		"blkio_config.device_read_bps.[].path":   but(wholeDisk),
		"blkio_config.device_read_bps.[].rate":   but("bytes a second, as 1mb"),
		"blkio_config.device_write_bps":          is(parts),
		"blkio_config.device_write_bps.[].path":  but(wholeDisk),
		"blkio_config.device_write_bps.[].rate":  but("bytes a second, as 1mb; with cgroup v1, of what is written past the cache"),
		"blkio_config.device_read_iops":          is(parts),
		"blkio_config.device_read_iops.[].path":  but(wholeDisk),
		"blkio_config.device_read_iops.[].rate":  but("operations a second"),
		"blkio_config.device_write_iops":         is(parts),
		"blkio_config.device_write_iops.[].path": but(wholeDisk),
		"blkio_config.device_write_iops.[].rate": but("operations a second"),
		"storage_opt": no("the container's files are on a file system without quotas (overlayfs), so there is no size to set; " +
			"use read_only with a tmpfs that has a size, or remove it"),
	}
}

// deviceRules are about devices of the host.
func deviceRules() map[string]rule {
	return map[string]rule{
		"devices": but("/dev/x[:/dev/y[:rwm]], a folder for all devices below it, or the CDI name vendor.com/class=name; " +
			"looked up when the container is created, and at each start"),
		"device_cgroup_rules": but("as c 1:3 rwm; * is any number"),
		"gpus":                is(parts),
		"gpus.[].driver":      deviceDriver(),
		"gpus.[].count":       but(deviceCount),
		"gpus.[].device_ids":  but(deviceIDs),
		"gpus.[].capabilities": but("gpu, compute, compat32, graphics, utility, video, display, ngx: " +
			"CDI gives what the driver has, whichever are named"),
		"gpus.[].options": no(deviceOptions),
	}
}

// reservationRules are about deploy.resources.reservations.
func reservationRules() map[string]rule {
	return map[string]rule{
		"memory":                  but("as mem_reservation"),
		"cpus":                    nothing("a hint for who places containers on hosts, of which there is one; cpu_shares is the weight against others"),
		"generic_resources":       no("there is no registry of them; use devices"),
		"devices":                 is(parts),
		"devices.[].driver":       deviceDriver(),
		"devices.[].count":        but(deviceCount),
		"devices.[].device_ids":   but(deviceIDs),
		"devices.[].capabilities": but("as in gpus; gpu is needed, but with driver cdi"),
		"devices.[].options":      no(deviceOptions),
	}
}

const (
	deviceCount   = "the first so many that the CDI specifications of the host have; all, or not given without device_ids: all"
	deviceIDs     = "indexes or names, as in the CDI specifications of the host; not together with count"
	deviceOptions = "devices are given by CDI, which takes none; remove it"
)

func deviceDriver() rule {
	return only("only nvidia, amd and cdi are; not given: nvidia or amd, whichever has CDI specifications on the host",
		"", project.DriverNvidia, project.DriverAMD, project.DriverCDI)
}
