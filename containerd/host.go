package containerd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/pkg/cap"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/internal/cgroup"
)

// cgroupRoot is where the hierarchies are mounted on every host.
const cgroupRoot = "/sys/fs/cgroup"

// host looks at what specifications depend on.
func host(groups cgroup.Facts) (spec.Host, error) {
	caps, err := boundingSet()
	if err != nil {
		return spec.Host{}, err
	}
	h := spec.Host{
		CgroupV2:          cgroup.Unified(),
		RecursiveReadOnly: canMountSetattr(),
		Capabilities:      caps,
	}
	h.SwapLimit = canLimitSwap(h.CgroupV2)
	h.SELinux = exists("/sys/fs/selinux/enforce")
	lookAtCgroups(&h, groups)
	if h.Limits, err = highestLimits(caps); err != nil {
		return spec.Host{}, err
	}
	// Docker hides what tells of other tenants by the processors' heat.
	h.MaskedPaths, err = filepath.Glob("/sys/devices/system/cpu/cpu*/thermal_throttle")
	if err != nil {
		return spec.Host{}, err
	}
	return h, nil
}

// boundingSet returns the capabilities that this process can hand on.
func boundingSet() (_ []string, err error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return nil, fmt.Errorf("reading capabilities: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sets, err := cap.ParseProcPIDStatus(f)
	if err != nil {
		return nil, fmt.Errorf("reading capabilities: %w", err)
	}
	names, _ := cap.FromBitmap(sets[cap.Bounding])
	return names, nil
}

// canLimitSwap tells whether the kernel accounts swap (swapaccount=1). The root
// of the unified hierarchy has no limits: there, our own cgroup shows it.
func canLimitSwap(v2 bool) bool {
	if !v2 {
		return exists(filepath.Join(cgroupRoot, "memory/memory.memsw.limit_in_bytes"))
	}
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return false
	}
	own := strings.TrimPrefix(strings.TrimSpace(string(b)), "0::")
	return own == "/" || exists(filepath.Join(cgroupRoot, own, "memory.swap.max"))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// canMountSetattr tells whether the kernel has mount_setattr(2), Linux 5.12,
// which makes a mount read-only with all below it.
func canMountSetattr() bool {
	err := unix.MountSetattr(-1, "", 0, &unix.MountAttr{})
	return !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM)
}
