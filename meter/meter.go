// Package meter measures what a container takes of its host: processor, memory,
// network and disks, by Docker's arithmetic.
package meter

import (
	"time"
)

// Counters are what a container has used so far, and what it holds, at one moment.
// Zero is what a container that does not run has, and what cannot be known here.
type Counters struct {
	At        time.Time
	CPU       time.Duration // of all processors together, since it was started
	Memory    uint64        // bytes, without files that could be read again
	Limit     uint64        // bytes that it may hold: all that the host has, if no limit is lower
	Received  uint64        // bytes, over all links but the loopback
	Sent      uint64
	Read      uint64 // bytes, from all disks
	Written   uint64
	Processes uint64 // threads count too
}

// CPU is the processor time between two moments in percent: 100 is all of one
// processor. It is 0 when that is not known, as after a restart.
func CPU(was, is Counters) float64 {
	passed := is.At.Sub(was.At)
	if was.At.IsZero() || passed <= 0 || is.CPU < was.CPU {
		return 0
	}
	return 100 * float64(is.CPU-was.CPU) / float64(passed)
}

// MemoryShare is how much of its limit is used, in percent.
func (c Counters) MemoryShare() float64 {
	if c.Limit == 0 {
		return 0
	}
	return 100 * float64(c.Memory) / float64(c.Limit)
}
