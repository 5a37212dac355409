package livetest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gocompose/gocompose/internal/paths"
)

// Leftovers returns what of a layout is still on this machine, in words: its
// processes, mounts, network namespaces, records of what runs, cgroups.
func Leftovers(p paths.Paths) ([]string, error) {
	var left []string
	for _, look := range []func(paths.Paths) ([]string, error){processes, mounts, records, cgroups} {
		found, err := look(p)
		if err != nil {
			return nil, err
		}
		left = append(left, found...)
	}
	return left, nil
}

// Processes returns the IDs of the layout's processes whose command line
// contains all words.
func Processes(p paths.Paths, words ...string) ([]int, error) {
	var pids []int
	err := eachProcess(p, func(pid int, line string) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				return
			}
		}
		pids = append(pids, pid)
	})
	return pids, err
}

func processes(p paths.Paths) ([]string, error) {
	var found []string
	err := eachProcess(p, func(pid int, line string) { found = append(found, fmt.Sprintf("process %d: %s", pid, line)) })
	return found, err
}

// eachProcess looks at those whose command line or environment names the
// layout.
func eachProcess(p paths.Paths, look func(pid int, line string)) error {
	return everyProcess(p, func(pid int, line string, inLine bool) {
		if inLine || strings.Contains(line, "gocompose") {
			look(pid, line)
		}
	})
}

// All returns the layout's processes with what else was started beside them, by
// the IDs, with their command lines.
func All(p paths.Paths) (map[int]string, error) {
	all := map[int]string{}
	err := everyProcess(p, func(pid int, line string, _ bool) { all[pid] = line })
	return all, err
}

// EndAll kills the processes that have a variable, "NAME=value", in their
// environment, until there are none.
func EndAll(variable string) error {
	for {
		found := false
		err := environs(func(pid int, line, env string) {
			if strings.Contains("\x00"+env, "\x00"+variable+"\x00") {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
				found = true
			}
		})
		if err != nil || !found {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// everyProcess looks at all that name the layout, and tells whether it is in the
// command line, or else in the environment only.
func everyProcess(p paths.Paths, look func(pid int, line string, inLine bool)) error {
	return environs(func(pid int, line, env string) {
		inLine := strings.Contains(line, p.State+"/") || strings.Contains(line, p.Root+"/")
		if inLine || strings.Contains(env, "GOCOMPOSE_STATE="+p.State+"\x00") {
			look(pid, line, inLine)
		}
	})
}

// environs looks at all processes but this one and its parent, with their command
// lines and environments.
func environs(look func(pid int, line, env string)) error {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() || pid == os.Getppid() {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil {
			continue // it has just ended
		}
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil {
			env = nil // it has just ended, or has none
		}
		look(pid, strings.ReplaceAll(string(cmdline), "\x00", " "), string(env))
	}
	return nil
}

func mounts(p paths.Paths) ([]string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) > 4 && (strings.HasPrefix(f[4], p.State+"/") || strings.HasPrefix(f[4], p.Root+"/")) {
			found = append(found, "mount "+f[4])
		}
	}
	return found, nil
}

func records(p paths.Paths) ([]string, error) {
	var found []string
	for _, pattern := range []string{
		filepath.Join(p.Netns(), "*"), filepath.Join(p.Namespaces(), "*"), filepath.Join(p.Endpoints(), "*"),
		filepath.Join(p.UsedVolumes(), "*"), filepath.Join(p.Attach(), "*"), filepath.Join(p.Execs(), "*"),
		// Of builds.
		filepath.Join(p.BuilderState(), "*.sock"), filepath.Join(p.BuilderState(), "*.toml"), filepath.Join(p.Builder()+"*", "net", "cni", "*"),
		filepath.Join(p.Networks(), "gocompose-builds*"), "/var/lib/cni/results/gocompose-builds-" + paths.Short(p.State) + "-*",
	} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		found = append(found, files...)
	}
	return found, nil
}

func cgroups(p paths.Paths) ([]string, error) {
	var found []string
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		dirs, err := filepath.Glob(pattern + p.CgroupParent())
		if err != nil {
			return nil, err
		}
		for _, d := range dirs {
			found = append(found, "cgroup "+d)
		}
	}
	return found, nil
}

// FreePort returns a TCP port of the loopback that nobody listens on.
func FreePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
