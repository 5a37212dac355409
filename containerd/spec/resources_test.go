package spec

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

// able is a host that can do all that its version of cgroups can.
func able(v2 bool) Host {
	return Host{
		CgroupV2: v2, SwapLimit: true, CPUs: "0-3", RealtimeGroups: !v2, Swappiness: !v2,
		BlockWeight: true, BlockDeviceWeight: true, BlockThrottle: true,
	}
}

func TestWhatIsAskedForIsLimited(t *testing.T) {
	type c = project.Container
	type r = project.Resources
	disk := []project.DeviceNumber{{Path: "/dev/sda", Number: 100}}
	for _, tt := range []struct {
		name string
		c    c
		// want has the resources but for devices; v1 is what they are there, where
		// they differ.
		want, v1 string
	}{
		{"nothing", c{}, `{}`, ""},
		{"cpus and shares", c{NanoCPUs: 5e8, Resources: r{CPUShares: 512}}, `{"cpu":{"shares":512,"quota":50000,"period":100000}}`, ""},
		{"quota", c{Resources: r{CPUQuota: 5000}}, `{"cpu":{"quota":5000}}`, ""},
		{"quota and period", c{Resources: r{CPUQuota: 5000, CPUPeriod: 10000}}, `{"cpu":{"quota":5000,"period":10000}}`, ""},
		{"cpuset", c{Resources: r{CPUSet: "0,2-3"}}, `{"cpu":{"cpus":"0,2-3"}}`, ""},
		{"memory", c{Memory: 64 << 20}, `{"memory":{"limit":67108864,"swap":134217728}}`, ""},
		{"memory that cannot be doubled", c{Memory: 1 << 62}, `{"memory":{"limit":4611686018427387904,"swap":-1}}`, ""},
		{"swap", c{Memory: 64 << 20, Resources: r{MemorySwap: 64 << 20}}, `{"memory":{"limit":67108864,"swap":67108864}}`, ""},
		{"any swap", c{Memory: 64 << 20, Resources: r{MemorySwap: -1}}, `{"memory":{"limit":67108864,"swap":-1}}`, ""},
		{"any swap alone", c{Resources: r{MemorySwap: -1}}, `{"memory":{"swap":-1}}`, ""},
		{"reservation", c{Resources: r{MemoryReservation: 16 << 20}}, `{"memory":{"reservation":16777216}}`, ""},
		{"pids", c{Resources: r{Pids: 7}}, `{"pids":{"limit":7}}`, ""},
		{"weight", c{Resources: r{BlockIO: project.BlockIO{Weight: 300}}}, `{"blockIO":{"weight":300}}`, ""},
		{"weights", c{Resources: r{BlockIO: project.BlockIO{Weights: disk}}}, `{"blockIO":{"weightDevice":[{"major":8,"minor":16,"weight":100}]}}`, ""},
		{"disks", c{Resources: r{BlockIO: project.BlockIO{ReadBytes: disk, WriteBytes: disk, ReadOps: disk, WriteOps: disk}}},
			`{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":16,"rate":100}],"throttleWriteBpsDevice":[{"major":8,"minor":16,"rate":100}],` +
				`"throttleReadIOPSDevice":[{"major":8,"minor":16,"rate":100}],"throttleWriteIOPSDevice":[{"major":8,"minor":16,"rate":100}]}}`, ""},
		{"real time", c{Resources: r{RealtimeRuntime: 1000, RealtimePeriod: 10000}}, "version 2", `{"cpu":{"realtimeRuntime":1000,"realtimePeriod":10000}}`},
		{"real time, period alone", c{Resources: r{RealtimePeriod: 10000}}, "version 2", `{"cpu":{"realtimePeriod":10000}}`},
		{"swappiness", c{Resources: r{Swappiness: 20}}, "mem_swappiness: version 2", `{"memory":{"swappiness":20}}`},
		{"no killing", c{Resources: r{OOMKillDisable: true}}, "oom_kill_disable: version 2", `{"memory":{"disableOOMKiller":true}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, v2 := range []bool{true, false} {
				want := tt.want
				if !v2 && tt.v1 != "" {
					want = tt.v1
				}
				in := input()
				tt.c.Service = "web"
				in.Container, in.Host = tt.c, able(v2)
				in.BlockDevices = map[string]BlockDevice{"/dev/sda": {8, 16}}
				got, err := resources(in)
				if err != nil {
					if strings.HasPrefix(want, "{") || !strings.Contains(err.Error(), want) {
						t.Errorf("v2 %t: error %v, want %s", v2, err, want)
					}
					continue
				}
				got.Devices = nil
				text, err := json.Marshal(got)
				if err != nil || string(text) != want {
					t.Errorf("v2 %t: %s, %v, want %s", v2, text, err, want)
				}
			}
		})
	}
}

func TestWhatTheHostCannotLimitIsAnError(t *testing.T) {
	type r = project.Resources
	disk := []project.DeviceNumber{{Path: "/dev/sda", Number: 100}}
	for _, tt := range []struct {
		name  string
		asked r
		host  Host
		want  string
	}{
		{"a processor it has not", r{CPUSet: "0-4"}, able(true), `cpuset: not all processors of "0-4" can be used: this host has 0-3`},
		{"no controller of processors", r{CPUSet: "0"}, Host{Controllers: []string{"cpu"}}, `cpuset: cgroups of this host have no controller "cpuset"`},
		{"no controller of shares", r{CPUShares: 2}, Host{Controllers: []string{}}, `cpu_shares: cgroups of this host have no controller "cpu"`},
		{"no controller of quotas", r{CPUQuota: 2000}, Host{Controllers: []string{}}, `cpu_quota: cgroups of this host have no controller "cpu"`},
		{"no controller of periods", r{CPUPeriod: 2000}, Host{Controllers: []string{}}, `cpu_period: cgroups of this host have no controller "cpu"`},
		{"no controller of memory", r{MemoryReservation: 1 << 30}, Host{Controllers: []string{}}, `mem_reservation: cgroups of this host have no controller "memory"`},
		{"no controller of memory that runs out", r{OOMKillDisable: true}, Host{Controllers: []string{}}, `oom_kill_disable: cgroups of this host have no controller "memory"`},
		{"no controller of processes", r{Pids: 1}, Host{Controllers: []string{}}, `pids_limit: cgroups of this host have no controller "pids"`},
		{"no count of swap", r{MemorySwap: 1 << 30}, Host{}, "memswap_limit: this host's kernel does not count swap"},
		{"no swappiness", r{Swappiness: 1}, Host{}, "mem_swappiness: this host's kernel has no swappiness"},
		{"no real time", r{RealtimeRuntime: 1}, Host{}, "CONFIG_RT_GROUP_SCHED"},
		{"no weights", r{BlockIO: project.BlockIO{Weight: 10}}, Host{BlockDeviceWeight: true}, "blkio_config.weight: this host's kernel cannot weigh"},
		{"no weights of disks", r{BlockIO: project.BlockIO{Weights: disk}}, Host{BlockWeight: true}, "blkio_config.weight_device: this host's kernel cannot weigh"},
		{"no limits of disks", r{BlockIO: project.BlockIO{ReadOps: disk}}, Host{}, "blkio_config.device_read_iops: this host's kernel cannot limit disks"},
		{"a disk not looked up", r{BlockIO: project.BlockIO{ReadOps: disk}}, able(true), "blkio_config.device_read_iops: /dev/sda was not looked up"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := input()
			in.Container.Resources, in.Host = tt.asked, tt.host
			if _, err := Build(in); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestMemoryWithoutACountOfSwapIsLimitedAlone(t *testing.T) {
	for _, swap := range []int64{0, -1} {
		in := input()
		in.Host = Host{}
		in.Container.Memory, in.Container.Resources.MemorySwap = 64<<20, swap
		got, err := resources(in)
		if err != nil || got.Memory.Swap != nil {
			t.Errorf("memswap_limit %d: %+v, %v, want no limit of swap", swap, got.Memory, err)
		}
	}
}

func TestTheScoreOfAProcessIsWhatIsAskedFor(t *testing.T) {
	in := input()
	in.Container.Resources.OOMScoreAdj = -500
	s, err := Build(in)
	if err != nil || *s.Process.OOMScoreAdj != -500 {
		t.Errorf("oom_score_adj %d, %v, want -500", *s.Process.OOMScoreAdj, err)
	}
}

func TestLimitsAboveTheHostsAreErrors(t *testing.T) {
	most := map[string]uint64{"nofile": 1000}
	for _, tt := range []struct {
		limit project.Ulimit
		want  string
	}{
		{project.Ulimit{Name: "nofile", Soft: 10, Hard: 1000}, ""},
		{project.Ulimit{Name: "nofile", Soft: 10, Hard: 1001}, "ulimits.nofile: this host gives 1000 at most, and 1001 is asked for"},
		{project.Ulimit{Name: "nofile", Soft: 10, Hard: -1}, "and no limit is asked for: ask for less, or raise fs.nr_open"},
		{project.Ulimit{Name: "nproc", Soft: -1, Hard: -1}, ""},
		{project.Ulimit{Name: "as", Soft: 10, Hard: 20}, ""},
	} {
		got, err := rlimits([]project.Ulimit{tt.limit}, most)
		if tt.want == "" && (err != nil || got[0].Type != "RLIMIT_"+strings.ToUpper(tt.limit.Name)) {
			t.Errorf("%v: %v, %v", tt.limit, got, err)
		}
		if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%v: error %v, want one with %q", tt.limit, err, tt.want)
		}
	}
}

func TestDevicesAreMadeAndAllowed(t *testing.T) {
	device := func(path string, minor int64) specs.LinuxDevice {
		return specs.LinuxDevice{Path: path, Type: "c", Major: 10, Minor: minor}
	}
	ten, one, three, n := int64(10), int64(1), int64(3), int64(229)
	in := input()
	all := []specs.LinuxDevice{device("/dev/fuse", n), device("/dev/own", 1)}
	asked := []Device{{device("/dev/own", n), "rw"}}
	in.Container.Devices.Rules = []string{"c 1:3 mr", "b *:1 rwm", "a *:* rwm"}

	s, err := Build(in)
	if err != nil {
		t.Fatal(err)
	}
	AddDevices(s, in.Container, all, asked)
	if diff := cmp.Diff([]specs.LinuxDevice{device("/dev/own", n)}, s.Linux.Devices); diff != "" {
		t.Errorf("devices (-want +got):\n%s", diff)
	}
	want := []specs.LinuxDeviceCgroup{
		{Access: "rwm"},
		{Allow: true, Type: "c", Major: &one, Minor: &three, Access: "mr"},
		{Allow: true, Type: "b", Minor: &one, Access: "rwm"},
		{Allow: true, Type: "a", Access: "rwm"},
		{Allow: true, Type: "c", Major: &ten, Minor: &n, Access: "rw"},
	}
	if diff := cmp.Diff(want, s.Linux.Resources.Devices); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}

	in.Container.Privileged = true
	if s, err = Build(in); err != nil {
		t.Fatal(err)
	}
	AddDevices(s, in.Container, all, asked)
	if diff := cmp.Diff([]specs.LinuxDevice{device("/dev/fuse", n), device("/dev/own", n)}, s.Linux.Devices); diff != "" {
		t.Errorf("privileged: devices (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}, s.Linux.Resources.Devices); diff != "" {
		t.Errorf("privileged: rules (-want +got):\n%s", diff)
	}
}
