package meter

import (
	"slices"
	"strconv"
	"strings"
)

// number reads a file with one number. "max", of version 2, is none: 0.
func number(text string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	return n
}

// valueOf returns the number behind a name in lines of names and numbers, as in
// memory.stat and cpu.stat.
func valueOf(text, name string) uint64 {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, " "); ok && key == name {
			return number(value)
		}
	}
	return 0
}

// serviceBytes sums up blkio.throttle.io_service_bytes of version 1: lines like
// "8:0 Read 4096".
func serviceBytes(text string) (read, written uint64) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue // the total
		}
		switch fields[1] {
		case "Read":
			read += number(fields[2])
		case "Write":
			written += number(fields[2])
		}
	}
	return read, written
}

// ioStat sums up io.stat of version 2: lines like "8:0 rbytes=4096 wbytes=0 rios=1".
func ioStat(text string) (read, written uint64) {
	for line := range strings.Lines(text) {
		for _, word := range strings.Fields(line) {
			switch key, value, _ := strings.Cut(word, "="); key {
			case "rbytes":
				read += number(value)
			case "wbytes":
				written += number(value)
			}
		}
	}
	return read, written
}

// Columns of /proc/PID/net/dev behind a link's name.
const (
	receivedColumn = 0
	sentColumn     = 8
)

// linkBytes sums up /proc/PID/net/dev without the loopback.
func linkBytes(text string) (received, sent uint64) {
	for line := range strings.Lines(text) {
		name, counts, ok := strings.Cut(line, ":")
		columns := strings.Fields(counts)
		if !ok || strings.TrimSpace(name) == "lo" || len(columns) <= sentColumn {
			continue // also the headers
		}
		received += number(columns[receivedColumn])
		sent += number(columns[sentColumn])
	}
	return received, sent
}

// withoutCache takes from what is in memory the pages of files that nobody has
// used for a while.
func withoutCache(used, inactive uint64) uint64 {
	if inactive > used {
		return used
	}
	return used - inactive
}

// lowest is the lowest of the limits that are some.
func lowest(limits ...uint64) uint64 {
	limits = slices.DeleteFunc(limits, func(n uint64) bool { return n == 0 })
	if len(limits) == 0 {
		return 0
	}
	return slices.Min(limits)
}
