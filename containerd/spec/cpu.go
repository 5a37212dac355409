package spec

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

const (
	// cpuPeriod is the period of the CPU quota in microseconds, the kernel's
	// default and Docker's for --cpus.
	cpuPeriod = 100_000
	// minNanoCPUs is the least Docker accepts; below, the kernel refuses the
	// quota, and no runtime gets a process started.
	minNanoCPUs = 10_000_000
)

func setCPU(in Input, r *specs.LinuxResources) error {
	c, cpu := in.Container, &specs.LinuxCPU{}
	if err := setCPUTime(in, cpu); err != nil {
		return err
	}
	if err := setRealtime(in, cpu); err != nil {
		return err
	}
	if cpu.Cpus = c.Resources.CPUSet; cpu.Cpus != "" {
		if err := in.Host.needs("cpuset", "cpuset"); err != nil {
			return err
		}
		if in.Host.CPUs != "" && !project.CPUsWithin(cpu.Cpus, in.Host.CPUs) {
			return fmt.Errorf("cpuset: not all processors of %q can be used: this host has %s", cpu.Cpus, in.Host.CPUs)
		}
	}
	if *cpu != (specs.LinuxCPU{}) {
		r.CPU = cpu
	}
	return nil
}

func setCPUTime(in Input, cpu *specs.LinuxCPU) error {
	c := in.Container
	if n := c.NanoCPUs; n != 0 {
		if n < minNanoCPUs {
			return fmt.Errorf("cpus: %g is below the least, 0.01", float64(n)/1e9)
		}
		period, quota := uint64(cpuPeriod), n*cpuPeriod/1e9
		cpu.Period, cpu.Quota = &period, &quota
		if err := in.Host.needs("cpus", "cpu"); err != nil {
			return err
		}
	}
	if n := c.Resources.CPUPeriod; n != 0 {
		period := uint64(n)
		cpu.Period = &period
		if err := in.Host.needs("cpu_period", "cpu"); err != nil {
			return err
		}
	}
	if n := c.Resources.CPUQuota; n != 0 {
		cpu.Quota = &n
		if err := in.Host.needs("cpu_quota", "cpu"); err != nil {
			return err
		}
	}
	if n := c.Resources.CPUShares; n != 0 {
		shares := uint64(n)
		cpu.Shares = &shares
		return in.Host.needs("cpu_shares", "cpu")
	}
	return nil
}

// setRealtime is for version 1 of cgroups alone, and for kernels that are built
// for it, which few are.
func setRealtime(in Input, cpu *specs.LinuxCPU) error {
	runtime, length := in.Container.Resources.RealtimeRuntime, in.Container.Resources.RealtimePeriod
	switch {
	case runtime == 0 && length == 0:
		return nil
	case in.Host.CgroupV2:
		return errors.New("cpu_rt_runtime, cpu_rt_period: version 2 of cgroups, which this host has, cannot share out real-time processors: remove them")
	case !in.Host.RealtimeGroups:
		return errors.New("cpu_rt_runtime, cpu_rt_period: this host's kernel cannot share out real-time processors (CONFIG_RT_GROUP_SCHED): remove them")
	}
	if runtime != 0 {
		cpu.RealtimeRuntime = &runtime
	}
	if length != 0 {
		period := uint64(length)
		cpu.RealtimePeriod = &period
	}
	return nil
}
