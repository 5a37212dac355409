package loader

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/project"
)

// limits returns billionths of a processor and bytes, 0 for no limit.
func (p place) limits(s types.ServiceConfig) (nanoCPUs, limit int64) {
	cpus, bytes, memory := s.CPUS, s.MemLimit, p.in("mem_limit")
	if s.Deploy != nil && s.Deploy.Resources.Limits != nil {
		cpus = cmp.Or(cpus, s.Deploy.Resources.Limits.NanoCPUs.Value())
		if bytes == 0 {
			bytes, memory = s.Deploy.Resources.Limits.MemoryBytes, p.in("deploy", "resources", "limits", "memory")
		}
	}
	if bytes > 0 && bytes < minMemory {
		memory.problem("must be at least 6m")
	}
	// Through its text: 0.1 as a float32 is 0.10000000149 as a float64.
	exact, err := strconv.ParseFloat(strconv.FormatFloat(float64(cpus), 'g', -1, 32), 64)
	if err != nil || exact < 0 || exact > math.MaxInt32 {
		p.in("cpus").problem("must be a number of processors, 0 or more")
		exact = 0
	}
	return int64(math.Round(exact * 1e9)), memory.size(bytes, 0)
}

// minMemory is the least that Docker accepts: with less no container starts.
const minMemory = 6 << 20

func (p place) size(bytes types.UnitBytes, def int64) int64 {
	if bytes < 0 {
		p.problem("must not be negative")
	}
	return cmp.Or(int64(bytes), def)
}

// rlimits are the names setrlimit(2) knows.
var rlimits = []string{
	"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss",
	"rtprio", "rttime", "sigpending", "stack",
}

func (p place) ulimits(limits map[string]*types.UlimitsConfig) []project.Ulimit {
	var out []project.Ulimit
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		l := limits[name]
		if !slices.Contains(rlimits, name) {
			p.in(name).problem("is not one of %s", joined(rlimits))
			continue
		}
		if l == nil {
			continue
		}
		u := project.Ulimit{Name: name, Soft: int64(l.Soft), Hard: int64(l.Hard)}
		if l.Single != 0 {
			u.Soft, u.Hard = int64(l.Single), int64(l.Single)
		}
		if u.Soft < -1 || u.Hard < -1 {
			p.in(name).problem("must be 0 or more, or -1 for no limit")
		} else if u.Hard != -1 && (u.Soft > u.Hard || u.Soft == -1) {
			p.in(name).problem("the soft limit is above the hard one")
		}
		out = append(out, u)
	}
	return out
}

// kernelCapabilities are those of capabilities(7).
var kernelCapabilities = []string{
	"ALL", "CAP_AUDIT_CONTROL", "CAP_AUDIT_READ", "CAP_AUDIT_WRITE", "CAP_BLOCK_SUSPEND", "CAP_BPF",
	"CAP_CHECKPOINT_RESTORE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
	"CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_KILL", "CAP_LEASE", "CAP_LINUX_IMMUTABLE", "CAP_MAC_ADMIN",
	"CAP_MAC_OVERRIDE", "CAP_MKNOD", "CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_RAW",
	"CAP_PERFMON", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYSLOG", "CAP_SYS_ADMIN",
	"CAP_SYS_BOOT", "CAP_SYS_CHROOT", "CAP_SYS_MODULE", "CAP_SYS_NICE", "CAP_SYS_PACCT", "CAP_SYS_PTRACE",
	"CAP_SYS_RAWIO", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_WAKE_ALARM",
}

func (p place) capabilities(names []string) []string {
	var out []string
	for i, written := range names {
		name := strings.ToUpper(written)
		if name != "ALL" && !strings.HasPrefix(name, "CAP_") {
			name = "CAP_" + name
		}
		if !slices.Contains(kernelCapabilities, name) {
			p.in(index(i)).near(written, "%q is not a capability like NET_ADMIN; see capabilities(7)", written)
			continue
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// realtime matches the signals that have numbers only the C library knows.
var realtime = lazily(`^SIGRTM(IN(\+\d+)?|AX(-\d+)?)$`)

// signal returns "SIGTERM" for "SIGTERM", "term" and "15".
func (p place) signal(text string) string {
	if text == "" {
		return ""
	}
	if n, err := strconv.Atoi(text); err == nil {
		if name := unix.SignalName(unix.Signal(n)); name != "" {
			return name
		}
		if n >= 34 && n <= 64 {
			return text
		}
	}
	name := strings.ToUpper(text)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if unix.SignalNum(name) == 0 && !realtime().MatchString(name) {
		p.problem("%q is not a signal like SIGTERM; see signal(7)", text)
	}
	return name
}
