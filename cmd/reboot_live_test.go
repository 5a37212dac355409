//go:build live

package cmd_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/nft"
)

// reboot takes away what a power cut and a boot would: the layout's processes,
// mounts, links, rules and cgroups, and the state folder.
func reboot(ts *testscript.TestScript, neg bool, args []string) {
	p := layout(ts)
	ts.Check(endAll(p))
	ts.Check(removeLinks(p)) // of which the state folder tells
	ts.Check(unmountAll(p))
	ts.Check(nft.New("gocompose-" + paths.Short(p.State)).Remove())
	ts.Check(cgroup.Remove(p.CgroupParent()))
	ts.Check(errors.Join(os.RemoveAll(p.State), os.RemoveAll("/run/gocompose-"+paths.Short(p.State))))
	left, err := livetest.Leftovers(p)
	ts.Check(err)
	if len(left) > 0 {
		ts.Fatalf("not gone:\n%s", strings.Join(left, "\n"))
	}
}

// endAll kills all processes of the layout. They are frozen first, since they
// start each other.
func endAll(p paths.Paths) error {
	var frozen []int
	for {
		found, err := allProcesses(p)
		if err != nil {
			return err
		}
		found = slices.DeleteFunc(found, func(pid int) bool { return slices.Contains(frozen, pid) })
		if len(found) == 0 {
			break
		}
		for _, pid := range found {
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
			frozen = append(frozen, pid)
		}
		for _, pid := range found {
			if err := until(func() bool { return strings.Contains("TZ", processState(pid)) }); err != nil {
				return fmt.Errorf("freezing process %d: %w", pid, err)
			}
		}
	}
	for _, pid := range frozen {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	for _, pid := range frozen {
		if err := until(func() bool { return strings.Contains("Z", processState(pid)) }); err != nil {
			return fmt.Errorf("killing process %d: %w", pid, err)
		}
	}
	return nil
}

// allProcesses returns those that name the layout, and those in its cgroups.
func allProcesses(p paths.Paths) ([]int, error) {
	pids, err := livetest.Processes(p)
	if err != nil {
		return nil, err
	}
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		dirs, err := filepath.Glob(pattern + p.CgroupParent())
		if err != nil {
			return nil, err
		}
		for _, dir := range dirs {
			err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.Name() != "cgroup.procs" {
					return err
				}
				data, err := os.ReadFile(path)
				for _, line := range strings.Fields(string(data)) {
					pid, perr := strconv.Atoi(line)
					err = errors.Join(err, perr)
					pids = append(pids, pid)
				}
				return err
			})
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// processState is the letter of proc_pid_stat(5); empty when there is none.
func processState(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	return strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))[0]
}

func until(is func() bool) error {
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("not done after %v", patience)
		}
	}
	return nil
}

// removeLinks removes bridges and the ends of containers' links.
func removeLinks(p paths.Paths) error {
	nets, err := networks.Open(p)
	if err != nil {
		return err
	}
	defer nets.Close()
	records, err := nets.List(context.Background())
	if err != nil {
		return err
	}
	attached, err := endpoint.List(p.Endpoints())
	if err != nil {
		return err
	}
	var names []string
	for _, e := range attached {
		for _, i := range e.Interfaces {
			names = append(names, i.HostName)
		}
	}
	for _, r := range records {
		names = append(names, r.Link)
	}
	for _, name := range names {
		link, err := netlink.LinkByName(name)
		if errors.As(err, &netlink.LinkNotFoundError{}) {
			continue
		}
		if err == nil {
			err = netlink.LinkDel(link)
		}
		if err != nil && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("removing link %s: %w", name, err)
		}
	}
	return nil
}

// unmountAll unmounts what is below the layout's folders, last first.
func unmountAll(p paths.Paths) error {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var points []string
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) > 4 && (strings.HasPrefix(f[4], p.State+"/") || strings.HasPrefix(f[4], p.Root+"/")) {
			points = append(points, f[4])
		}
	}
	slices.Reverse(points)
	for _, point := range points {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmounting %s: %w", point, err)
		}
	}
	return nil
}
