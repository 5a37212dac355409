package engine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// errEnded: the process is gone.
var errEnded = errors.New("ended")

// findProcesses returns the IDs of the living processes that are containerd
// with this configuration file, lowest first: one, or none.
func findProcesses(configFile string) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && stillThere(pid, configFile) == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// stillThere returns nil when the process is the containerd with this
// configuration file and started by our user, else errEnded. Of a dead process
// that nobody has collected, the command line is empty.
func stillThere(pid int, configFile string) error {
	dir := fmt.Sprintf("/proc/%d", pid)
	cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || !isEngine(cmdline, configFile) {
		return errEnded
	}
	info, err := os.Stat(dir)
	if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return errEnded
	}
	return nil
}

// isEngine knows a command line as /proc shows it, with a zero byte after each
// word.
func isEngine(cmdline []byte, configFile string) bool {
	words := bytes.Split(bytes.TrimSuffix(cmdline, []byte{0}), []byte{0})
	return len(words) == 3 && filepath.Base(string(words[0])) == "containerd" &&
		string(words[1]) == "--config" && string(words[2]) == configFile
}
