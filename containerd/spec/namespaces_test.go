package spec

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

// joined returns the paths of the namespaces that are joined or made, by type.
func joined(s *specs.Spec) map[specs.LinuxNamespaceType]string {
	out := map[specs.LinuxNamespaceType]string{}
	for _, n := range s.Linux.Namespaces {
		out[n.Type] = n.Path
	}
	return out
}

func TestNamespacesAreWhoseTheyAreToBe(t *testing.T) {
	const ipc, pid, shm = "/run/x/ipc", "/run/x/pid", "/run/x/shm"
	for _, tt := range []struct {
		name  string
		modes project.Namespaces
		v1    bool
		// wanted has the paths of the namespaces; "host" is none.
		ipc, pid, uts, cgroup string
		shm                   string // its source; "" there is none
	}{
		{name: "its own", shm: "shm"},
		{name: "its own, with cgroup version 1", v1: true, cgroup: "host", shm: "shm"},
		{name: "the host's", modes: project.Namespaces{IPC: "host", PID: "host", UTS: "host", Cgroup: "host"},
			ipc: "host", pid: "host", uts: "host", cgroup: "host", shm: "/dev/shm"},
		{name: "for others too", modes: project.Namespaces{IPC: "shareable"}, ipc: ipc, shm: shm},
		{name: "a service's", modes: project.Namespaces{IPC: "service:db", PID: "service:db"}, ipc: ipc, pid: pid, shm: shm},
		{name: "a container's", modes: project.Namespaces{IPC: "container:db", PID: "container:db"}, ipc: ipc, pid: pid, shm: shm},
		{name: "without /dev/shm", modes: project.Namespaces{IPC: "none"}},
		{name: "cgroups of its own, with version 1", modes: project.Namespaces{Cgroup: "private"}, v1: true, shm: "shm"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := input()
			in.Container.Namespaces, in.Host.CgroupV2 = tt.modes, !tt.v1
			in.IPC, in.PID, in.Shm = ipc, pid, shm
			s, err := Build(in)
			if err != nil {
				t.Fatal(err)
			}
			has := joined(s)
			for kind, want := range map[specs.LinuxNamespaceType]string{
				specs.IPCNamespace: tt.ipc, specs.PIDNamespace: tt.pid, specs.UTSNamespace: tt.uts, specs.CgroupNamespace: tt.cgroup,
			} {
				if path, there := has[kind]; there == (want == "host") || there && path != want {
					t.Errorf("%s: there %t, path %q, want %q", kind, there, path, want)
				}
			}
			if got := mountAt(s, "/dev/shm").Source; got != tt.shm {
				t.Errorf("/dev/shm is %q, want %q", got, tt.shm)
			}
			if (s.Hostname == "") != (tt.uts == "host") {
				t.Errorf("the name is %q", s.Hostname)
			}
		})
	}
}

func TestNamespacesThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(*Input){
		"cgroup: private": func(in *Input) {
			in.Host.CgroupV2, in.Container.Privileged, in.Container.Namespaces.Cgroup = false, true, "private"
		},
		"sysctls.kernel.shmmax: with ipc: host": func(in *Input) {
			in.Container.Namespaces.IPC, in.Container.Sysctls = "host", map[string]string{"kernel.shmmax": "1"}
		},
		"writable-cgroups: with cgroup: host": func(in *Input) {
			yes := true
			in.Host.CgroupV2, in.Container.Security.WritableCgroups, in.Container.Namespaces.Cgroup = true, &yes, "host"
		},
		"no path of a namespace": func(in *Input) { in.Container.Namespaces.PID = "service:db" },
	} {
		in := input()
		change(&in)
		if _, err := Build(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
}
