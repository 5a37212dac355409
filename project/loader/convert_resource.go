package loader

import (
	"cmp"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// resources returns what is asked for beside cpus and mem_limit; memory is what
// this came to.
func (p place) resources(s types.ServiceConfig, memory int64) project.Resources {
	r := project.Resources{
		OOMKillDisable: s.OomKillDisable,
		OOMScoreAdj:    p.in("oom_score_adj").within(s.OomScoreAdj, -1000, 1000),
		Swappiness:     p.in("mem_swappiness").within(int64(s.MemSwappiness), 0, 100),
		Pids:           p.pids(s),
		BlockIO:        p.in("blkio_config").blockIO(s.BlkioConfig),
	}
	p.processors(s, &r)
	p.memory(s, memory, &r)
	return r
}

// within reports numbers that are not in the range.
func (p place) within(n, least, most int64) int64 {
	if n < least || n > most {
		p.problem("must be %d to %d", least, most)
	}
	return n
}

// unlimited returns 0 for what means no limit: 0 and -1.
func (p place) unlimited(n int64) int64 {
	if n < -1 {
		p.problem("must be 1 or more; 0 and -1 are no limit")
	}
	return max(n, 0)
}

func (p place) pids(s types.ServiceConfig) int64 {
	if s.Deploy != nil && s.Deploy.Resources.Limits != nil && s.Deploy.Resources.Limits.Pids != 0 {
		return p.in("deploy", "resources", "limits", "pids").unlimited(s.Deploy.Resources.Limits.Pids)
	}
	return p.in("pids_limit").unlimited(s.PidsLimit)
}

// The bounds are the kernel's.
func (p place) processors(s types.ServiceConfig, r *project.Resources) {
	r.CPUQuota = p.in("cpu_quota").unlimited(s.CPUQuota)
	if r.CPUQuota > 0 && r.CPUQuota < 1000 {
		p.in("cpu_quota").problem("must be at least 1000 (microseconds)")
	}
	if r.CPUPeriod = s.CPUPeriod; r.CPUPeriod != 0 {
		p.in("cpu_period").within(r.CPUPeriod, 1000, 1000000)
	}
	if r.CPUShares = s.CPUShares; r.CPUShares != 0 {
		p.in("cpu_shares").within(r.CPUShares, 2, 262144)
	}
	if s.CPUS > 0 || s.Deploy != nil && s.Deploy.Resources.Limits != nil && s.Deploy.Resources.Limits.NanoCPUs > 0 {
		const twice = "conflicts with cpus, which is a quota in a period too; remove one"
		if r.CPUQuota > 0 {
			p.in("cpu_quota").problem(twice)
		}
		if r.CPUPeriod > 0 {
			p.in("cpu_period").problem(twice)
		}
	}
	p.realtime(s, r)
	r.CPUSet = s.CPUSet
	if _, ok := project.CPURanges(s.CPUSet); !ok && s.CPUSet != "" {
		p.in("cpuset").problem("%q is not a list of processors like 0-3,5", s.CPUSet)
	}
}

func (p place) realtime(s types.ServiceConfig, r *project.Resources) {
	r.RealtimeRuntime, r.RealtimePeriod = s.CPURTRuntime, s.CPURTPeriod
	if r.RealtimeRuntime < 0 {
		p.in("cpu_rt_runtime").problem("must not be negative")
	}
	if r.RealtimePeriod < 0 {
		p.in("cpu_rt_period").problem("must not be negative")
	}
	if most := cmp.Or(r.RealtimePeriod, project.DefaultRealtimePeriod); r.RealtimeRuntime > most {
		p.in("cpu_rt_runtime").problem("is more than the period of %d microseconds", most)
	}
}

func (p place) memory(s types.ServiceConfig, limit int64, r *project.Resources) {
	reserved, at := s.MemReservation, p.in("mem_reservation")
	if s.Deploy != nil && s.Deploy.Resources.Reservations != nil && s.Deploy.Resources.Reservations.MemoryBytes != 0 {
		reserved, at = s.Deploy.Resources.Reservations.MemoryBytes, p.in("deploy", "resources", "reservations", "memory")
	}
	r.MemoryReservation = int64(reserved)
	switch n := r.MemoryReservation; {
	case n != 0 && n < minMemory:
		at.problem("must be at least 6m")
	case n > limit && limit > 0:
		at.problem("is more than the limit of memory, %d bytes", limit)
	}
	r.MemorySwap, at = int64(s.MemSwapLimit), p.in("memswap_limit")
	switch n := r.MemorySwap; {
	case n < -1:
		at.problem("must be a size; 0 is as not given, -1 is no limit")
	case n > 0 && limit == 0:
		at.problem("limits memory and swap together, and there is no limit of memory; set mem_limit too")
	case n > 0 && n < limit:
		at.problem("limits memory and swap together, so it must not be less than the limit of memory, %d bytes", limit)
	}
	if s.OomKillDisable && limit == 0 {
		p.in("oom_kill_disable").warn("without mem_limit it is the host whose memory runs out")
	}
}

func (p place) blockIO(b *types.BlkioConfig) project.BlockIO {
	if b == nil {
		return project.BlockIO{}
	}
	if b.Weight != 0 {
		p.in("weight").within(int64(b.Weight), 10, 1000)
	}
	out := project.BlockIO{
		Weight:     int64(b.Weight),
		ReadBytes:  p.in("device_read_bps").rates(b.DeviceReadBps),
		WriteBytes: p.in("device_write_bps").rates(b.DeviceWriteBps),
		ReadOps:    p.in("device_read_iops").rates(b.DeviceReadIOps),
		WriteOps:   p.in("device_write_iops").rates(b.DeviceWriteIOps),
	}
	for i, w := range b.WeightDevice {
		at := p.in("weight_device", index(i))
		at.in("weight").within(int64(w.Weight), 10, 1000)
		out.Weights = append(out.Weights, project.DeviceNumber{Path: at.in("path").hostPath(w.Path), Number: int64(w.Weight)})
	}
	p.in("weight_device").once(out.Weights)
	return out
}

func (p place) rates(list []types.ThrottleDevice) []project.DeviceNumber {
	var out []project.DeviceNumber
	for i, t := range list {
		at := p.in(index(i))
		if t.Rate <= 0 {
			at.in("rate").problem("must be more than 0")
		}
		out = append(out, project.DeviceNumber{Path: at.in("path").hostPath(t.Path), Number: int64(t.Rate)})
	}
	p.once(out)
	return out
}

// once sorts the list, and reports a device that is in it twice.
func (p place) once(list []project.DeviceNumber) {
	slices.SortFunc(list, func(a, b project.DeviceNumber) int { return cmp.Compare(a.Path, b.Path) })
	for i := range list {
		if i > 0 && list[i].Path == list[i-1].Path && list[i].Path != "" {
			p.problem("%s is there twice; remove one", list[i].Path)
		}
	}
}
