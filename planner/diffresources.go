package planner

import (
	"fmt"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// resources compares what of the host may be used; zero is not set.
func (d *differ) resources(h, w project.Resources) {
	for _, f := range []struct {
		field    string
		from, to int64
	}{
		{"cpu_shares", h.CPUShares, w.CPUShares},
		{"cpu_quota", h.CPUQuota, w.CPUQuota},
		{"cpu_period", h.CPUPeriod, w.CPUPeriod},
		{"cpu_rt_runtime", h.RealtimeRuntime, w.RealtimeRuntime},
		{"cpu_rt_period", h.RealtimePeriod, w.RealtimePeriod},
		{"mem_swappiness", h.Swappiness, w.Swappiness},
		{"oom_score_adj", h.OOMScoreAdj, w.OOMScoreAdj},
		{"pids_limit", h.Pids, w.Pids},
		{"blkio_config.weight", h.BlockIO.Weight, w.BlockIO.Weight},
	} {
		d.value(f.field, number(int(f.from)), number(int(f.to)))
	}
	d.value("mem_reservation", bytes(h.MemoryReservation), bytes(w.MemoryReservation))
	d.value("memswap_limit", bytes(h.MemorySwap), bytes(w.MemorySwap))
	d.value("cpuset", h.CPUSet, w.CPUSet)
	d.value("oom_kill_disable", yesNo(h.OOMKillDisable), yesNo(w.OOMKillDisable))
	d.deviceNumbers("weight_device", h.BlockIO.Weights, w.BlockIO.Weights)
	d.deviceNumbers("device_read_bps", h.BlockIO.ReadBytes, w.BlockIO.ReadBytes)
	d.deviceNumbers("device_write_bps", h.BlockIO.WriteBytes, w.BlockIO.WriteBytes)
	d.deviceNumbers("device_read_iops", h.BlockIO.ReadOps, w.BlockIO.ReadOps)
	d.deviceNumbers("device_write_iops", h.BlockIO.WriteOps, w.BlockIO.WriteOps)
}

// bytes writes a size as a Compose file does, "64m"; zero is not set.
func bytes(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 30, "g"}, {1 << 20, "m"}, {1 << 10, "k"}} {
		if n > 0 && n%unit.size == 0 {
			return fmt.Sprint(n/unit.size) + unit.name
		}
	}
	return number(int(n))
}

func (d *differ) deviceNumbers(field string, from, to []project.DeviceNumber) {
	text := func(list []project.DeviceNumber) map[string]string {
		out := map[string]string{}
		for _, n := range list {
			out[n.Path] = fmt.Sprint(n.Number)
		}
		return out
	}
	d.entries("blkio_config."+field, text(from), text(to))
}

func (d *differ) devices(h, w project.Devices) {
	text := func(list []project.Device) map[string]string {
		out := map[string]string{}
		for _, n := range list {
			out[n.Target] = quoted([]string{n.Source, n.Permissions})
		}
		return out
	}
	d.entries("devices", text(h.Nodes), text(w.Nodes))
	d.list("devices", h.CDI, w.CDI)
	d.list("device_cgroup_rules", h.Rules, w.Rules)
	from, to := requests(h.Requests), requests(w.Requests)
	for _, attribute := range keys(from, to) {
		d.value(attribute, from[attribute], to[attribute])
	}
}

// requests describes what is asked for by the attributes that do.
func requests(list []project.DeviceRequest) map[string]string {
	out := map[string]string{}
	for _, r := range list {
		var words []string
		switch {
		case r.Count == project.AllDevices:
			words = append(words, "all")
		case r.Count != 0:
			words = append(words, fmt.Sprint(r.Count))
		}
		if len(r.IDs) > 0 {
			words = append(words, quoted(r.IDs))
		}
		if r.Driver != "" {
			words = append(words, "of", r.Driver)
		}
		if out[r.Attribute] != "" {
			out[r.Attribute] += ", "
		}
		out[r.Attribute] += strings.Join(words, " ")
	}
	return out
}
