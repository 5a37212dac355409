package project

import (
	"strconv"
	"strings"
)

// DefaultRealtimePeriod is the kernel's period of real-time processes, in
// microseconds.
const DefaultRealtimePeriod = 1_000_000

// CPURange are the processors First to Last, both included.
type CPURange struct{ First, Last int }

// CPURanges reads a list of processors or memory nodes as the kernel writes it
// (cpuset(7)): "0-3,5". It is false for what is none.
func CPURanges(list string) ([]CPURange, bool) {
	var out []CPURange
	for _, part := range strings.Split(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		// 31 bits, and no signs.
		f, ferr := strconv.ParseUint(first, 10, 31)
		l, lerr := strconv.ParseUint(last, 10, 31)
		if ferr != nil || lerr != nil || f > l {
			return nil, false
		}
		out = append(out, CPURange{int(f), int(l)})
	}
	return out, true
}

// CPUsWithin tells whether every processor of one list is in the other. Both
// are lists.
func CPUsWithin(some, all string) bool {
	outer, ok := CPURanges(all)
	inner, iok := CPURanges(some)
	if !ok || !iok {
		return false
	}
	for _, r := range inner {
		for next := r.First; next <= r.Last; {
			end := next - 1
			for _, o := range outer {
				if o.First <= next && next <= o.Last {
					end = o.Last
				}
			}
			if end < next {
				return false
			}
			next = end + 1
		}
	}
	return true
}
