package spec

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

var update = flag.Bool("update", false, "write the goldens anew")

// input is a plain service, as the loader and the host would give it.
func input() Input {
	return Input{
		ID: "shop-web-1.x7",
		Container: project.Container{
			Project: "shop", Service: "web", Replica: 1, Name: "shop-web-1",
			Image: "docker.io/library/nginx:1.27",
		},
		Image: ocispec.ImageConfig{
			Env:        []string{"PATH=/usr/bin:/bin", "NGINX_VERSION=1.27"},
			Entrypoint: []string{"/docker-entrypoint.sh"},
			Cmd:        []string{"nginx", "-g", "daemon off;"},
		},
		User: User{Groups: []uint32{1, 2, 3}},
		Files: map[string]string{
			"/etc/hosts":       "/var/lib/gocompose/containers/shop-web-1.x7/hosts",
			"/etc/hostname":    "/var/lib/gocompose/containers/shop-web-1.x7/hostname",
			"/etc/resolv.conf": "/var/lib/gocompose/containers/shop-web-1.x7/resolv.conf",
		},
		Netns:       "/run/gocompose/netns/shop-web-1.x7",
		CgroupsPath: "/gocompose/shop-web-1.x7",
		Host:        Host{CgroupV2: true, SwapLimit: true, RecursiveReadOnly: true},
	}
}

func goldenCases() map[string]func(*Input) {
	return map[string]func(*Input){
		"default":   func(*Input) {},
		"cgroup-v1": func(in *Input) { in.Host = Host{} },
		"privileged": func(in *Input) {
			in.Container.Privileged = true
			in.Container.CapDrop = []string{"ALL"}
			in.Host.MaskedPaths = []string{"/sys/devices/system/cpu/cpu0/thermal_throttle"}
		},
		"caps-all": func(in *Input) {
			in.Container.CapAdd = []string{"ALL"}
			in.Container.CapDrop = []string{"CAP_SYS_ADMIN", "CAP_SYS_MODULE"}
			in.Host.MaskedPaths = []string{"/sys/devices/system/cpu/cpu0/thermal_throttle"}
		},
		"limits": func(in *Input) {
			in.Container.NanoCPUs = 1_500_000_000
			in.Container.Memory = 256 << 20
			in.Container.ShmSize = 128 << 20
			in.Container.Ulimits = []project.Ulimit{
				{Name: "memlock", Soft: -1, Hard: -1},
				{Name: "nofile", Soft: 1024, Hard: 4096},
			}
			in.Container.Sysctls = map[string]string{
				"net.core.somaxconn":                  "1024",
				"net.ipv4.ip_unprivileged_port_start": "1024",
				"net/ipv4/conf/eth0.100/rp_filter":    "0",
			}
		},
		"mounts": func(in *Input) {
			in.Container.ReadOnly = true
			in.Mounts = []Mount{
				{Type: project.MountBind, Source: "/srv/hosts", Target: "/etc/hosts"},
				{Type: project.MountBind, Source: "/srv/conf", Target: "/etc/nginx", ReadOnly: true},
				{Type: project.MountBind, Source: "/srv/shared", Target: "/shared", Propagation: "rshared"},
				{Type: project.MountVolume, Source: "/var/lib/gocompose/volumes/data", Target: "/data"},
				{Type: project.MountTmpfs, Target: "/tmp"},
				{Type: project.MountTmpfs, Target: "/dev/shm", Options: []string{"size=1048576", "mode=1777", "exec"}},
			}
		},
		"init": func(in *Input) {
			in.Container.Init = true
			in.InitBinary = "/usr/libexec/gocompose/init"
		},
		"user": func(in *Input) {
			in.User = User{UID: 1000, GID: 1000, Groups: []uint32{27}}
			in.Container.WorkingDir = "/srv/app/"
			in.Container.Hostname = "front"
			in.Container.Env = map[string]string{"DEBUG": "1", "PATH": "/app/bin:/bin"}
			in.Container.UnsetEnv = []string{"NGINX_VERSION"}
		},
	}
}

func TestSpecificationsAreAsTheGoldensSay(t *testing.T) {
	for name, change := range goldenCases() {
		t.Run(name, func(t *testing.T) {
			in := input()
			change(&in)
			s, err := Build(in)
			if err != nil {
				t.Fatal(err)
			}
			mode := os.FileMode(0o660)
			AddDevices(s, in.Container, []specs.LinuxDevice{{Path: "/dev/sda", Type: "b", Major: 8, Minor: 0, FileMode: &mode}}, nil)
			// The profile differs with the architecture and the kernel; its
			// rules have tests of their own.
			if s.Linux.Seccomp != nil {
				s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: s.Linux.Seccomp.DefaultAction}
			}
			got, err := json.MarshalIndent(s, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
		})
	}
}

func TestSeccompRulesFollowTheCapabilities(t *testing.T) {
	for _, tt := range []struct {
		name    string
		add     []string
		syscall string
		want    bool
	}{
		{"no mount by default", nil, "mount", false},
		{"mount with SYS_ADMIN", []string{"SYS_ADMIN"}, "mount", true},
		{"mount with ALL", []string{"ALL"}, "mount", true},
		{"no io_uring ever", []string{"ALL"}, "io_uring_setup", false},
		{"read always", nil, "read", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := input()
			in.Container.CapAdd = tt.add
			s, err := Build(in)
			if err != nil {
				t.Fatal(err)
			}
			if s.Linux.Seccomp.DefaultAction != specs.ActErrno {
				t.Errorf("what is not named: %s, want it refused", s.Linux.Seccomp.DefaultAction)
			}
			if got := allows(s.Linux.Seccomp, tt.syscall); got != tt.want {
				t.Errorf("%s allowed: %t, want %t", tt.syscall, got, tt.want)
			}
		})
	}
}

func allows(p *specs.LinuxSeccomp, name string) bool {
	for _, rule := range p.Syscalls {
		for _, n := range rule.Names {
			if n == name && rule.Action == specs.ActAllow && len(rule.Args) == 0 {
				return true
			}
		}
	}
	return false
}

func TestBuildsOfOneInputAreEqualAndIndependent(t *testing.T) {
	first, err := Build(input())
	if err != nil {
		t.Fatal(err)
	}
	for i := range first.Mounts {
		first.Mounts[i].Options = append(first.Mounts[i].Options[:0], "changed")
	}
	second, err := Build(input())
	if err != nil {
		t.Fatal(err)
	}
	third, err := Build(input())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(second, third); diff != "" {
		t.Errorf("two builds differ:\n%s", diff)
	}
	for _, m := range second.Mounts {
		if m.Options[0] == "changed" {
			t.Errorf("mount on %s shares its options with an earlier specification", m.Destination)
		}
	}
}

func TestHostnameIsTheServicesOrTwelveDigits(t *testing.T) {
	c := project.Container{}
	id := Hostname("shop-web-1.x7", c)
	if len(id) != 12 || id == Hostname("shop-web-1.x8", c) {
		t.Errorf("Hostname = %q, want 12 digits that differ with the ID", id)
	}
	c.Hostname = "front"
	if got := Hostname("shop-web-1.x7", c); got != "front" {
		t.Errorf("Hostname = %q, want front", got)
	}
}
