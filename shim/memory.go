package shim

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const cgroupRoot = "/sys/fs/cgroup"

// oomCounter returns the file in which the kernel counts the processes of pid's
// cgroup that it has killed for want of memory: memory.events of cgroup v2, or
// memory.oom_control of v1 (Linux 4.13 and later). It is empty if there is
// none.
func oomCounter(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	unified := ""
	for line := range strings.Lines(string(data)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		switch {
		case len(parts) != 3:
		case parts[1] == "":
			unified = filepath.Join(cgroupRoot, parts[2], "memory.events")
		case parts[1] == "memory":
			return filepath.Join(cgroupRoot, "memory", parts[2], "memory.oom_control")
		}
	}
	return unified
}

// oomKills reads such a file. What cannot be read has counted nothing.
func oomKills(path string) int {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if n, ok := strings.CutPrefix(s.Text(), "oom_kill "); ok {
			kills, _ := strconv.Atoi(n)
			return kills
		}
	}
	return 0
}
