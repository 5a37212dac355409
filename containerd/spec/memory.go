package spec

import (
	"errors"
	"fmt"
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// minMemory is the least Docker accepts; with less no runtime gets a process
// started.
const minMemory = 6 << 20

func setMemory(in Input, r *specs.LinuxResources) error {
	c, memory := in.Container, &specs.LinuxMemory{}
	if limit := c.Memory; limit != 0 {
		if limit < minMemory {
			return fmt.Errorf("mem_limit: %d bytes are below the least, 6 MiB", limit)
		}
		if err := in.Host.needs("mem_limit", "memory"); err != nil {
			return err
		}
		memory.Limit = &limit
	}
	if err := setSwap(in, memory); err != nil {
		return err
	}
	if n := c.Resources.MemoryReservation; n != 0 {
		if err := in.Host.needs("mem_reservation", "memory"); err != nil {
			return err
		}
		memory.Reservation = &n
	}
	if err := setFateOfMemory(in, memory); err != nil {
		return err
	}
	if *memory != (specs.LinuxMemory{}) {
		r.Memory = memory
	}
	return nil
}

// setSwap limits memory and swap together. By Docker's rule, as much swap as
// memory where nothing else is asked for.
func setSwap(in Input, memory *specs.LinuxMemory) error {
	limit, swap := in.Container.Memory, in.Container.Resources.MemorySwap
	switch {
	case swap > 0 && !in.Host.SwapLimit:
		return errors.New("memswap_limit: this host's kernel does not count swap: boot it with swapaccount=1, or remove memswap_limit")
	case swap > 0 && swap < limit:
		return fmt.Errorf("memswap_limit: %d bytes are less than the limit of memory, %d", swap, limit)
	case !in.Host.SwapLimit:
		return nil
	case swap == 0 && limit == 0:
		return nil
	case swap == 0 && limit > math.MaxInt64/2:
		swap = -1
	case swap == 0:
		swap = 2 * limit
	}
	memory.Swap = &swap
	return nil
}

// setFateOfMemory is about what happens when memory gets scarce, of which
// version 2 of cgroups leaves nothing to say.
func setFateOfMemory(in Input, memory *specs.LinuxMemory) error {
	asked := in.Container.Resources
	if n := asked.Swappiness; n != 0 {
		switch {
		case in.Host.CgroupV2:
			return errors.New("mem_swappiness: version 2 of cgroups, which this host has, has no swappiness of a container: " +
				"limit swap with memswap_limit, or remove mem_swappiness")
		case !in.Host.Swappiness:
			return errors.New("mem_swappiness: this host's kernel has no swappiness of a container: remove it")
		}
		swappiness := uint64(n)
		memory.Swappiness = &swappiness
	}
	if asked.OOMKillDisable {
		if in.Host.CgroupV2 {
			return errors.New("oom_kill_disable: version 2 of cgroups, which this host has, always kills when memory has run out: " +
				"remove it, or set oom_score_adj")
		}
		if err := in.Host.needs("oom_kill_disable", "memory"); err != nil {
			return err
		}
		disable := true
		memory.DisableOOMKiller = &disable
	}
	return nil
}
