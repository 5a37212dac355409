//go:build live

package cmd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gocompose/gocompose/internal/cgroup"
)

// hostCan are the conditions of scripts that are about this host.
func hostCan(what string) (can, known bool) {
	switch what {
	case "unified":
		return cgroup.Unified(), true
	case "bfq":
		v1, _ := filepath.Glob("/sys/fs/cgroup/blkio/*/blkio.bfq.weight")
		v2, _ := filepath.Glob("/sys/fs/cgroup/*/io.bfq.weight")
		return len(v1)+len(v2) > 0, true
	case "realtime":
		_, err := os.Stat("/sys/fs/cgroup/cpu/cpu.rt_runtime_us")
		return err == nil, true
	}
	return false, false
}

// cgroupFile SERVICE FILE=PATTERN FILE=PATTERN reads a file of the container's
// cgroup, of which a line must be the pattern: the first of version 1, the second
// of version 2; "-" is none.
func cgroupFile(ts *testscript.TestScript, neg bool, args []string) {
	pid, err := processOf(ts, args[0])
	ts.Check(err)
	expectation := args[1]
	if cgroup.Unified() {
		expectation = args[2]
	}
	if expectation == "-" {
		return
	}
	name, pattern, _ := strings.Cut(expectation, "=")
	controller, _, _ := strings.Cut(name, ".")
	b, err := os.ReadFile(filepath.Join(cgroupOf(ts, pid, controller), name))
	ts.Check(err)
	if !regexp.MustCompile(`(?m)^(` + pattern + `)$`).Match(b) {
		ts.Fatalf("%s of %s is\n%swant %s", name, args[0], b, pattern)
	}
}

// cgroupOf returns the folder of a process's cgroup that has the controller.
func cgroupOf(ts *testscript.TestScript, pid, controller string) string {
	b, err := os.ReadFile("/proc/" + pid + "/cgroup")
	ts.Check(err)
	for line := range strings.Lines(string(b)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case cgroup.Unified() && fields[0] == "0":
			return filepath.Join("/sys/fs/cgroup", fields[2])
		case !cgroup.Unified() && strings.Contains(","+fields[1]+",", ","+controller+","):
			return filepath.Join("/sys/fs/cgroup", controller, fields[2])
		}
	}
	ts.Fatalf("process %s is in no cgroup with %s", pid, controller)
	return ""
}

// disk sets DISK and DISKNUMBER to a disk of the host.
func disk(ts *testscript.TestScript, neg bool, args []string) {
	all, err := filepath.Glob("/sys/block/*")
	ts.Check(err)
	for _, path := range all {
		name := filepath.Base(path)
		number, err := os.ReadFile(filepath.Join(path, "dev"))
		if _, serr := os.Stat("/dev/" + name); err != nil || serr != nil || regexp.MustCompile("^(loop|zram|ram|sr|dm-)").MatchString(name) {
			continue
		}
		ts.Setenv("DISK", "/dev/"+name)
		ts.Setenv("DISKNUMBER", strings.TrimSpace(string(number)))
		return
	}
	ts.Fatalf("this host has no disk among %s", fmt.Sprint(all))
}

// loopDisk sets LOOP, LOOPNUMBER and LOOPQUEUE to a disk that is made for the
// script, and to the file that says what puts requests to it in order.
func loopDisk(ts *testscript.TestScript, neg bool, args []string) {
	file := ts.MkAbs("loop.img")
	ts.Check(os.WriteFile(file, nil, 0o600))
	ts.Check(os.Truncate(file, 1<<20))
	ts.Check(ts.Exec("losetup", "--find", "--show", file))
	device := strings.TrimSpace(ts.ReadFile("stdout"))
	queue := filepath.Join("/sys/block", filepath.Base(device), "queue/scheduler")
	before, err := os.ReadFile(queue)
	ts.Check(err)
	ts.Defer(func() {
		_, before, _ := strings.Cut(string(before), "[")
		before, _, _ = strings.Cut(before, "]")
		ts.Check(os.WriteFile(queue, []byte(before), 0))
		ts.Check(ts.Exec("losetup", "--detach", device))
	})
	number, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(device), "dev"))
	ts.Check(err)
	ts.Setenv("LOOP", device)
	ts.Setenv("LOOPNUMBER", strings.TrimSpace(string(number)))
	ts.Setenv("LOOPQUEUE", queue)
}
