package processes

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// bootTime reads it in /proc/stat.
func bootTime(text string) (time.Time, error) {
	for line := range strings.Lines(text) {
		if seconds, ok := strings.CutPrefix(line, "btime "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(seconds), 10, 64)
			return time.Unix(n, 0), err
		}
	}
	return time.Time{}, fmt.Errorf("the kernel does not say when it was started")
}

// effectiveUser reads it in /proc/PID/status: real, effective, saved, of the file
// system.
func effectiveUser(text string) (int, error) {
	for line := range strings.Lines(text) {
		if ids, ok := strings.CutPrefix(line, "Uid:"); ok {
			if fields := strings.Fields(ids); len(fields) == 4 {
				return strconv.Atoi(fields[1])
			}
		}
	}
	return 0, fmt.Errorf("the kernel does not say whose it is")
}

// command is what a process was called with. A kernel thread and one that has
// ended have no arguments any more.
func command(cmdline, name string) string {
	if args := strings.TrimRight(cmdline, "\x00"); args != "" {
		return strings.ReplaceAll(args, "\x00", " ")
	}
	return name
}

// The numbers of terminals' devices (Linux, devices.txt).
const (
	ttyMajor     = 4
	firstPty     = 136
	lastPty      = 143
	firstSerial  = 64 // among the minor numbers of ttyMajor
	minorsPerPty = 256
)

// tty is the name of the terminal with a number as /proc has it: the minor part is
// in two pieces, the major one between them.
func tty(device uint64) string {
	major, minor := device>>8&0xfff, device&0xff|device>>12&0xfff00
	switch {
	case device == 0:
		return "?"
	case major >= firstPty && major <= lastPty:
		return fmt.Sprintf("pts/%d", (major-firstPty)*minorsPerPty+minor)
	case major == ttyMajor && minor < firstSerial:
		return fmt.Sprintf("tty%d", minor)
	case major == ttyMajor:
		return fmt.Sprintf("ttyS%d", minor-firstSerial)
	}
	return "?"
}

// Share is the processor time of a process by its age, in whole percent of one
// processor, as in column C of ps: 99 at most.
func (p Process) Share(now time.Time) int {
	age := now.Sub(p.Began) / time.Second
	if age <= 0 {
		return 0
	}
	return int(min(100*p.Used/time.Second/age, 99))
}

// StartTime says when a process began, as column STIME of ps: the hour, of
// another day the day, of another year the year.
func (p Process) StartTime(now time.Time) string {
	began := p.Began.In(now.Location())
	switch {
	case began.Year() != now.Year():
		return began.Format("2006")
	case began.YearDay() != now.YearDay():
		return began.Format("Jan02")
	}
	return began.Format("15:04")
}

// CPUTime is the processor time in hours, minutes and seconds, and days if any, as
// column TIME of ps.
func (p Process) CPUTime() string {
	s := int64(p.Used / time.Second)
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days := s / 86400; days > 0 {
		return fmt.Sprintf("%d-%s", days, text)
	}
	return text
}
