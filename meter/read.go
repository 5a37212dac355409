package meter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/cgroup"
)

// Meter reads counters on one host.
type Meter struct {
	groups cgroup.Facts
	memory uint64 // bytes that the host has
}

// New returns the meter of this host.
func New() (Meter, error) {
	groups, err := cgroup.Look()
	if err != nil {
		return Meter{}, fmt.Errorf("looking at cgroups: %w", err)
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return Meter{}, fmt.Errorf("asking how much memory there is: %w", err)
	}
	return Meter{groups, info.Totalram * uint64(info.Unit)}, nil
}

// Read returns the counters of the container with that cgroup and that first
// process. Of one that ends meanwhile some are zero.
func (m Meter) Read(group string, pid int) (Counters, error) {
	return m.read(m.groups.Group(group), pid)
}

// files are those of a container's cgroup; see cgroup.Group.
type files interface {
	Read(controller, file string) (string, error)
	Unified(controller string) bool
}

func (m Meter) read(group files, pid int) (Counters, error) {
	r := reading{group: group}
	c := Counters{At: time.Now()}
	c.CPU = r.processor()
	c.Memory, c.Limit = r.memory()
	c.Limit = lowest(c.Limit, m.memory)
	c.Read, c.Written = r.disks()
	c.Processes = number(r.text("pids", "pids.current"))
	c.Received, c.Sent = r.links(pid)
	return c, r.err
}

// reading reads one container's files, and keeps the first error. What is not
// there is empty.
type reading struct {
	group files
	err   error
}

func (r *reading) text(controller, file string) string {
	text, err := r.group.Read(controller, file)
	r.note(err)
	return text
}

func (r *reading) note(err error) {
	gone := errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL)
	if r.err == nil && !gone {
		r.err = err
	}
}

func (r *reading) processor() time.Duration {
	if r.group.Unified("cpu") {
		return time.Duration(valueOf(r.text("cpu", "cpu.stat"), "usage_usec")) * time.Microsecond
	}
	return time.Duration(number(r.text("cpuacct", "cpuacct.usage")))
}

func (r *reading) memory() (used, limit uint64) {
	current, most, inactive := "memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"
	if r.group.Unified("memory") {
		current, most, inactive = "memory.current", "memory.max", "inactive_file"
	}
	cache := valueOf(r.text("memory", "memory.stat"), inactive)
	return withoutCache(number(r.text("memory", current)), cache), number(r.text("memory", most))
}

func (r *reading) disks() (read, written uint64) {
	if r.group.Unified("io") {
		return ioStat(r.text("io", "io.stat"))
	}
	text := r.text("blkio", "blkio.throttle.io_service_bytes_recursive")
	if text == "" { // before Linux 5.0
		text = r.text("blkio", "blkio.throttle.io_service_bytes")
	}
	return serviceBytes(text)
}

// links counts in the network namespace of a process, unless that is our own: what
// passes the host's links is not the container's.
func (r *reading) links(pid int) (received, sent uint64) {
	if pid == 0 {
		return 0, 0
	}
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	r.note(err)
	ours, err := os.Readlink("/proc/self/ns/net")
	r.note(err)
	if theirs == "" || theirs == ours {
		return 0, 0
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", pid))
	r.note(err)
	return linkBytes(string(text))
}
