//go:build live

package containerd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// wait keeps a container running, and lets it end by SIGTERM.
const wait = "; trap 'exit 3' TERM; touch /out/ready; while :; do sleep 100 & wait; done"

// report runs a container whose script has written something to /out, and
// returns its process's ID and the folder.
func report(t *testing.T, c *containerd.Client, req containerd.CreateRequest) (pid int, out string) {
	t.Helper()
	out = t.TempDir()
	if err := os.Chmod(out, 0o777); err != nil {
		t.Fatal(err)
	}
	req.Mounts = append(req.Mounts, spec.Mount{Type: project.MountBind, Source: out, Target: "/out"})
	pid = run(t, c, req)
	eventually(t, "the container has reported", func() bool {
		_, err := os.Stat(filepath.Join(out, "ready"))
		return err == nil
	})
	return pid, out
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// field returns what follows "name:" in a file of proc(5).
func field(t testing.TB, path, name string) string {
	t.Helper()
	for line := range strings.Lines(read(t, path)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			return strings.Join(strings.Fields(strings.TrimPrefix(value, ":")), " ")
		}
	}
	t.Fatalf("%s has no %s", path, name)
	return ""
}

func TestAContainerRunsWithDockersDefaults(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.a", "id > /out/id; pwd > /out/pwd; hostname > /out/hostname; env > /out/env; "+
		"cat /proc/sys/net/ipv4/ip_unprivileged_port_start > /out/port"+wait)
	req.Netns = netns(t)
	pid, out := report(t, c, req)
	proc := fmt.Sprintf("/proc/%d/", pid)

	for name, want := range map[string]string{
		"CapEff":     "00000000a80425fb", // Docker's 14
		"CapBnd":     "00000000a80425fb",
		"CapInh":     "0000000000000000",
		"CapAmb":     "0000000000000000",
		"Seccomp":    "2",
		"NoNewPrivs": "0",
	} {
		if got := field(t, proc+"status", name); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"id":   "uid=0(root) gid=0(root) groups=0(root),10(wheel)",
		"pwd":  "/",
		"port": "0",
	} {
		if got := read(t, filepath.Join(out, name)); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	hostname := spec.Hostname(req.ID, req.Spec)
	if got := read(t, filepath.Join(out, "hostname")); got != hostname {
		t.Errorf("hostname = %q, want %q", got, hostname)
	}
	if env := read(t, filepath.Join(out, "env")); !strings.Contains(env, "PATH=/bin\n") || !strings.Contains(env, "HOSTNAME="+hostname) || strings.Contains(env, "TERM=") {
		t.Errorf("environment:\n%s", env)
	}
	var own, wanted syscall.Stat_t
	if err := syscall.Stat(proc+"ns/net", &own); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Stat(req.Netns, &wanted); err != nil || own.Ino != wanted.Ino {
		t.Errorf("network namespace %d, want %d (%v)", own.Ino, wanted.Ino, err)
	}
	mounts := read(t, proc+"mountinfo")
	for _, want := range []string{" /proc ", " /dev ", " /dev/pts ", " /dev/shm ", " /dev/mqueue ", " /sys ", " /sys/fs/cgroup ", " /proc/interrupts ", " /proc/sys "} {
		if !strings.Contains(mounts, want) {
			t.Errorf("nothing is mounted on%s", want)
		}
	}
	if got := read(t, proc+"oom_score_adj"); got != "0" {
		t.Errorf("oom_score_adj = %s, want 0", got)
	}
	if mounts := mountsBelow(t, filepath.Base(filepath.Dir(c.Config().Address))+"/root"); len(mounts) > 1 {
		t.Errorf("more than the container's root is mounted on the host: %v", mounts)
	}
}

func TestAContainerRunsAsAsked(t *testing.T) {
	c := engine(t)
	etc := t.TempDir()
	write(t, filepath.Join(etc, "hosts"), []byte("127.0.0.1 localhost\n"), 0o644)
	req := request("shop-web-1.b", "id > /out/id; pwd > /out/pwd; hostname > /out/hostname; cat /etc/hosts > /out/hosts; "+
		"cat /proc/sys/net/core/somaxconn > /out/somaxconn; touch /denied 2>/dev/null || touch /out/readonly; touch /scratch/x && touch /out/scratch"+wait)
	req.Files = map[string]string{"/etc/hosts": filepath.Join(etc, "hosts")}
	req.Mounts = []spec.Mount{
		{Type: project.MountTmpfs, Target: "/scratch", Options: []string{"size=1048576", "mode=1733"}},
	}
	s := &req.Spec
	s.User = "app"
	s.WorkingDir = "/made/for/it"
	s.Hostname = "front"
	s.ReadOnly = true
	s.Memory = 64 << 20
	s.NanoCPUs = 500_000_000
	s.ShmSize = 8 << 20
	s.Ulimits = []project.Ulimit{{Name: "nofile", Soft: 100, Hard: 200}, {Name: "core", Soft: 0, Hard: 0}}
	s.Sysctls = map[string]string{"net.core.somaxconn": "77"}
	s.CapDrop = []string{"ALL"}
	s.CapAdd = []string{"CAP_NET_BIND_SERVICE"}
	s.ReadOnly = false // the working folder is made in the root
	pid, out := report(t, c, req)
	proc := fmt.Sprintf("/proc/%d/", pid)
	for name, want := range map[string]string{
		"id":        "uid=1000(app) gid=1000(app) groups=29(audio),1000(app)",
		"pwd":       "/made/for/it",
		"hostname":  "front",
		"hosts":     "127.0.0.1 localhost",
		"somaxconn": "77",
		"scratch":   "",
	} {
		if got := read(t, filepath.Join(out, name)); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"CapBnd": "0000000000000400",
		"CapEff": "0000000000000000", // not root
		"Groups": "29 1000",
	} {
		if got := field(t, proc+"status", name); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	if got := field(t, proc+"limits", "Max open files"); got != "100 200 files" {
		t.Errorf("open files: %s, want 100 200", got)
	}
	mounts := read(t, proc+"mountinfo")
	for target, options := range map[string][]string{
		" /scratch ": {"nosuid", "nodev", "noexec", "size=1024k", "mode=1733"},
		" /dev/shm ": {"size=8192k"},
	} {
		line := lineWith(mounts, target)
		for _, o := range options {
			if !strings.Contains(line, o) {
				t.Errorf("mount on%sis %q, want it with %s", target, line, o)
			}
		}
	}
	limits := map[string]string{
		"memory/memory.limit_in_bytes":       "67108864",
		"memory/memory.memsw.limit_in_bytes": "134217728",
		"cpu/cpu.cfs_quota_us":               "50000",
		"memory.max":                         "67108864",
		"memory.swap.max":                    "67108864",
		"cpu.max":                            "50000 100000",
	}
	seen := 0
	for file, want := range limits {
		controller, name, ok := strings.Cut(file, "/")
		if !ok {
			controller, name = "", file
		}
		path := filepath.Join("/sys/fs/cgroup", controller, c.Config().CgroupParent, req.ID, name)
		if _, err := os.Stat(path); err != nil {
			continue // of the other version, or not in this kernel
		}
		seen++
		if got := read(t, path); got != want {
			t.Errorf("%s = %s, want %s", file, got, want)
		}
	}
	if seen < 2 {
		t.Errorf("%d limits were seen in cgroups, want at least memory and cpu", seen)
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func TestAReadOnlyRootTakesNoWrites(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.ro", "touch /denied 2>/dev/null || touch /out/denied; touch /tmp/x && touch /out/tmpfs"+wait)
	req.Spec.ReadOnly = true
	req.Mounts = []spec.Mount{{Type: project.MountTmpfs, Target: "/tmp"}}
	_, out := report(t, c, req)
	read(t, filepath.Join(out, "denied"))
	read(t, filepath.Join(out, "tmpfs"))
}

func TestAPrivilegedContainerHasAll(t *testing.T) {
	c := engine(t)
	req := request("shop-web-1.p", "touch /out/x"+wait)
	req.Spec.Privileged = true
	pid, _ := report(t, c, req)
	proc := fmt.Sprintf("/proc/%d/", pid)
	if got, want := field(t, proc+"status", "CapEff"), field(t, "/proc/self/status", "CapBnd"); got != want {
		t.Errorf("CapEff = %s, want all of the host's: %s", got, want)
	}
	if got := field(t, proc+"status", "Seccomp"); got != "0" {
		t.Errorf("Seccomp = %s, want 0", got)
	}
	mounts := read(t, proc+"mountinfo")
	if strings.Contains(mounts, " /proc/kcore ") {
		t.Error("paths are masked")
	}
	if !strings.Contains(lineWith(mounts, " /sys "), "rw,") {
		t.Errorf("/sys is %q, want it writable", lineWith(mounts, " /sys "))
	}
	if _, err := os.Stat(proc + "root/dev/vda"); err != nil {
		if _, herr := os.Stat("/dev/vda"); herr == nil {
			t.Errorf("the host's devices are not there: %v", err)
		}
	}
}

func TestInitIsTheFirstProcess(t *testing.T) {
	c := engine(t)
	script := filepath.Join(t.TempDir(), "init")
	write(t, script, []byte("#!/bin/sh\n[ \"$1\" = -- ] || exit 9\nshift\ntouch /out/init\nexec \"$@\"\n"), 0o755)
	req := request("shop-web-1.i", "touch /out/command"+wait)
	req.Spec.Init = true
	req.InitBinary = script
	_, out := report(t, c, req)
	read(t, filepath.Join(out, "init"))
	read(t, filepath.Join(out, "command"))
}

func TestListingTellsWhatWasMadeAndHowItIs(t *testing.T) {
	c := engine(t)
	created := request("shop-web-1.l", "true")
	created.Anonymous = map[string]string{"/data": "abc"}
	create(t, c, created)
	running := request("shop-web-2.l", "sleep 100")
	running.Spec.Labels = map[string]string{"long": strings.Repeat("x", 100_000), "short": "y"}
	pid := run(t, c, running)
	exited := request("blog-web-1.l", "exit 7")
	exited.Spec.Project = "blog"
	run(t, c, exited)
	if exit, err := c.WaitTask(t.Context(), exited.ID); err != nil || exit.Code != 7 || exit.At.IsZero() {
		t.Errorf("exit %+v, %v, want code 7", exit, err)
	}

	one := look(t, c, created.ID)
	if one.State != planner.StateCreated || one.HasTask || one.Record.ImageDigest != "sha256:00" ||
		one.Record.Anonymous["/data"] != "abc" || one.Record.StopSignal != "SIGTERM" || one.CreatedAt.IsZero() {
		t.Errorf("created: %+v", one)
	}
	one = look(t, c, running.ID)
	if one.State != planner.StateRunning || one.Pid != pid || one.Pid == 0 || len(one.Record.Spec.Labels["long"]) != 100_000 {
		t.Errorf("running: state %s, pid %d", one.State, one.Pid)
	}
	one = look(t, c, exited.ID)
	if one.State != planner.StateExited || one.ExitCode != 7 || !one.HasTask || one.Pid != 0 {
		t.Errorf("exited: %+v", one)
	}

	for _, tt := range []struct {
		filter containerd.Filter
		want   []string
	}{
		{containerd.Filter{}, []string{exited.ID, created.ID, running.ID}},
		{containerd.Filter{Project: "shop"}, []string{created.ID, running.ID}},
		{containerd.Filter{Project: "blog", Names: []string{created.ID, exited.ID}}, []string{exited.ID}},
		{containerd.Filter{IDs: []string{"none"}}, nil},
	} {
		all, err := c.Containers(t.Context(), tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, one := range all {
			got = append(got, one.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%+v selects %v, want %v", tt.filter, got, tt.want)
		}
	}
}
