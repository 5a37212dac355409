package containerd

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/internal/cgroup"
)

// lookAtCgroups fills in what cgroups can do.
func lookAtCgroups(h *spec.Host, groups cgroup.Facts) {
	h.Controllers = groups.Controllers()
	h.CPUs = cmp.Or(groups.Read("cpuset", "cpuset.cpus.effective"),
		groups.Read("cpuset", "cpuset.effective_cpus"), groups.Read("cpuset", "cpuset.cpus"))
	h.RealtimeGroups = groups.Read("cpu", "cpu.rt_runtime_us") != ""
	h.Swappiness = groups.Read("memory", "memory.swappiness") != ""
	weight := lookAtWeights(h.CgroupV2, groups)
	h.BlockWeight, h.BlockDeviceWeight = weight.all, weight.device
	h.BlockThrottle = hasFile(groups, "io", "io.max")
	if !h.CgroupV2 {
		h.BlockThrottle = hasFile(groups, "blkio", "blkio.throttle.read_bps_device")
	}
}

// weightFiles says which weights cgroups have at disks.
type weightFiles struct {
	all, device bool
	// bfq: only disks with this scheduler go by them.
	bfq bool
}

// lookAtWeights knows the files that runc writes to. It does not weigh single
// disks by io.weight, and leaves that out in silence.
func lookAtWeights(v2 bool, groups cgroup.Facts) weightFiles {
	if v2 {
		file, known := groups.File("io", "io.bfq.weight")
		// A file that can say more than one number begins with a word.
		text, err := os.ReadFile(file)
		_, nerr := strconv.Atoi(strings.TrimSpace(string(text)))
		perDisk := err == nil && nerr != nil
		return weightFiles{all: !known || file != "" || hasFile(groups, "io", "io.weight"), device: !known || perDisk, bfq: file != ""}
	}
	if file, _ := groups.File("blkio", "blkio.weight"); file != "" {
		return weightFiles{all: true, device: hasFile(groups, "blkio", "blkio.weight_device")}
	}
	return weightFiles{
		all:    hasFile(groups, "blkio", "blkio.bfq.weight"),
		device: hasFile(groups, "blkio", "blkio.bfq.weight_device"),
		bfq:    true,
	}
}

// hasFile tells whether cgroups have the file, or may have: there is none to
// look at.
func hasFile(groups cgroup.Facts, controller, name string) bool {
	file, known := groups.File(controller, name)
	return file != "" || !known
}

// ulimits are the numbers of setrlimit(2) by the names that are asked for.
var ulimits = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA,
	"fsize": unix.RLIMIT_FSIZE, "locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK, "msgqueue": unix.RLIMIT_MSGQUEUE,
	"nice": unix.RLIMIT_NICE, "nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "rss": unix.RLIMIT_RSS,
	"rtprio": unix.RLIMIT_RTPRIO, "rttime": unix.RLIMIT_RTTIME, "sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}

// highestLimits returns the most that ulimits can be set to. Nobody can open
// more files than fs.nr_open, and who may not raise limits cannot give more
// than it has itself.
func highestLimits(caps []string) (map[string]uint64, error) {
	most := map[string]uint64{}
	if !slices.Contains(caps, "CAP_SYS_RESOURCE") {
		for name, number := range ulimits {
			var limit unix.Rlimit
			if err := unix.Getrlimit(number, &limit); err != nil {
				return nil, fmt.Errorf("reading the limit %s: %w", name, err)
			}
			most[name] = limit.Max
		}
	}
	b, err := os.ReadFile("/proc/sys/fs/nr_open")
	if err != nil {
		return nil, fmt.Errorf("reading how many files can be open: %w", err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("reading how many files can be open: %w", err)
	}
	if own, ok := most["nofile"]; !ok || n < own {
		most["nofile"] = n
	}
	return most, nil
}
