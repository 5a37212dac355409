package spec

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/gocompose/gocompose/project"
)

func TestArgsByDockersRule(t *testing.T) {
	type a = []string
	for _, tt := range []struct {
		name                string
		imageEntry, imageCm a
		entry, command      a
		want                a
	}{
		{"all of the image", a{"e"}, a{"c"}, nil, nil, a{"e", "c"}},
		{"image has a command only", nil, a{"c"}, nil, nil, a{"c"}},
		{"command replaces the image's", a{"e"}, a{"c"}, nil, a{"x"}, a{"e", "x"}},
		{"entrypoint drops the image's command", a{"e"}, a{"c"}, a{"x"}, nil, a{"x"}},
		{"both", a{"e"}, a{"c"}, a{"x"}, a{"y"}, a{"x", "y"}},
		{"empty command keeps the entrypoint", a{"e"}, a{"c"}, nil, a{}, a{"e"}},
		{"empty entrypoint, command of the service", a{"e"}, a{"c"}, a{}, a{"x"}, a{"x"}},
		{"entrypoint [\"\"] of the image is none", a{""}, a{"c"}, nil, nil, a{"c"}},
		{"entrypoint [\"\"] of the service is none", a{"e"}, a{"c"}, a{""}, a{"x"}, a{"x"}},
		{"empty arguments stay", nil, nil, nil, a{"echo", ""}, a{"echo", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := input()
			in.Image = ocispec.ImageConfig{Entrypoint: tt.imageEntry, Cmd: tt.imageCm}
			in.Container.Entrypoint, in.Container.Command = tt.entry, tt.command
			got, err := args(in)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("args = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestErrorsNameTheAttribute(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Input)
		want   string
	}{
		{"no command", func(in *Input) { in.Image.Entrypoint, in.Image.Cmd = nil, nil },
			"no command: neither the service nor image docker.io/library/nginx:1.27 gives one"},
		{"empty entrypoint without a command", func(in *Input) { in.Container.Entrypoint = []string{} }, "no command"},
		{"program without a name", func(in *Input) { in.Container.Entrypoint = []string{"", "x"} }, "name of the program is empty"},
		{"NUL in an argument", func(in *Input) { in.Container.Command = []string{"a\x00b"} }, "NUL"},
		{"init without a program", func(in *Input) { in.Container.Init = true }, "init: true: no init program"},
		{"bad variable", func(in *Input) { in.Container.Env = map[string]string{"A=B": ""} }, `environment: variable "A=B"`},
		{"relative working_dir", func(in *Input) { in.Container.WorkingDir = "app" }, "working_dir"},
		{"unknown capability", func(in *Input) { in.Container.CapAdd = []string{"CAP_FLY"} }, `cap_add: unknown capability "CAP_FLY"`},
		{"unknown dropped capability", func(in *Input) { in.Container.CapDrop = []string{"FLY"} }, "cap_drop"},
		{"capability the host lacks", func(in *Input) {
			in.Host.Capabilities = []string{"CAP_CHOWN"}
			in.Container.CapAdd = []string{"CAP_SYS_ADMIN"}
		}, "cannot give CAP_SYS_ADMIN"},
		{"unknown limit", func(in *Input) { in.Container.Ulimits = []project.Ulimit{{Name: "files"}} }, `ulimits: unknown limit "files"`},
		{"soft above hard", func(in *Input) {
			in.Container.Ulimits = []project.Ulimit{{Name: "nofile", Soft: -1, Hard: 10}}
		}, "ulimits.nofile"},
		{"host's sysctl", func(in *Input) { in.Container.Sysctls = map[string]string{"vm.swappiness": "1"} }, "sysctls.vm.swappiness"},
		{"host's sysctl with slashes", func(in *Input) { in.Container.Sysctls = map[string]string{"vm/swappiness": "1"} }, "whole host's"},
		{"hostname as a sysctl", func(in *Input) { in.Container.Sysctls = map[string]string{"kernel.hostname": "x"} }, "set hostname instead"},
		{"too little memory", func(in *Input) { in.Container.Memory = 1 << 20 }, "mem_limit: 1048576 bytes"},
		{"too little CPU", func(in *Input) { in.Container.NanoCPUs = 1_000_000 }, "cpus: 0.001"},
		{"no cgroup", func(in *Input) { in.CgroupsPath = "" }, "cgroup"},
		{"tmpfs option", func(in *Input) {
			in.Mounts = []Mount{{Type: project.MountTmpfs, Target: "/t", Options: []string{"uid"}}}
		}, `mount on /t: a tmpfs has no option "uid"`},
		{"relative source", func(in *Input) {
			in.Mounts = []Mount{{Type: project.MountBind, Source: "x", Target: "/t"}}
		}, "mount on /t"},
		{"mount on the root", func(in *Input) {
			in.Mounts = []Mount{{Type: project.MountTmpfs, Target: "/"}}
		}, "below /"},
		{"propagation", func(in *Input) {
			in.Mounts = []Mount{{Type: project.MountBind, Source: "/x", Target: "/t", Propagation: "up"}}
		}, `unknown propagation "up"`},
		{"two on one target", func(in *Input) {
			in.Mounts = []Mount{{Type: project.MountTmpfs, Target: "/t"}, {Type: project.MountTmpfs, Target: "/t"}}
		}, "there are two"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := input()
			tt.change(&in)
			if _, err := Build(in); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestCapabilitiesByDockersRules(t *testing.T) {
	all, standard := knownCapabilities(), defaultCapabilities()
	without := func(set []string, names ...string) []string {
		return slices.DeleteFunc(slices.Clone(set), func(n string) bool { return slices.Contains(names, n) })
	}
	for _, tt := range []struct {
		name      string
		c         project.Container
		available []string
		want      []string
	}{
		{"default", project.Container{}, nil, standard},
		{"drop one", project.Container{CapDrop: []string{"CAP_CHOWN"}}, nil, without(standard, "CAP_CHOWN")},
		{"drop all", project.Container{CapDrop: []string{"ALL"}}, nil, nil},
		{"drop all, add one", project.Container{CapDrop: []string{"all"}, CapAdd: []string{"net_raw"}}, nil, []string{"CAP_NET_RAW"}},
		{"add all", project.Container{CapAdd: []string{"ALL"}}, nil, all},
		{"add all, drop one", project.Container{CapAdd: []string{"ALL"}, CapDrop: []string{"CAP_BPF"}}, nil, without(all, "CAP_BPF")},
		{"both all", project.Container{CapAdd: []string{"ALL"}, CapDrop: []string{"ALL"}}, nil, all},
		{"added and dropped", project.Container{CapAdd: []string{"CAP_CHOWN"}, CapDrop: []string{"CAP_CHOWN"}}, nil, standard},
		{"privileged", project.Container{Privileged: true, CapDrop: []string{"ALL"}}, nil, all},
		{"privileged on a poor host", project.Container{Privileged: true}, []string{"CAP_KILL"}, []string{"CAP_KILL"}},
		{"default on a poor host", project.Container{}, []string{"CAP_KILL"}, []string{"CAP_KILL"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := capabilities(tt.c, tt.available)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEnvironmentIsLaidOver(t *testing.T) {
	in := input()
	in.Hostname = "h"
	in.Image.Env = []string{"A=1", "B=2", "A=3", "EMPTY="}
	in.Container.Env = map[string]string{"B": "two", "Z": "26", "C": "a=b", "HOSTNAME": "mine"}
	in.Container.UnsetEnv = []string{"EMPTY", "PATH"}
	got, err := environment(in)
	want := []string{"HOSTNAME=mine", "B=two", "A=3", "C=a=b", "Z=26"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("environment = %q, %v, want %q", got, err, want)
	}
	in.Container.UnsetEnv, in.Container.Env = nil, nil
	if got, _ := environment(in); got[0] != "PATH="+defaultPath || got[1] != "HOSTNAME=h" {
		t.Errorf("environment = %q, want it to begin with PATH and HOSTNAME", got)
	}
}

func TestOpenFilesStayWithinWhatTheHostCanGive(t *testing.T) {
	for _, tt := range []struct {
		max, want uint64
	}{{0, 1048576}, {20000, 20000}, {math.MaxUint64, 1048576}} {
		most := map[string]uint64{}
		if tt.max != 0 {
			most["nofile"] = tt.max
		}
		got, err := rlimits(nil, most)
		if err != nil || len(got) != 1 || got[0].Soft != tt.want || got[0].Hard != tt.want {
			t.Errorf("with at most %d: %v, %v, want %d", tt.max, got, err, tt.want)
		}
	}
}

func TestTmpfsOptionsReplaceTheirOpposites(t *testing.T) {
	for _, tt := range []struct {
		m    Mount
		want string
	}{
		{Mount{}, "rw,noexec,nosuid,nodev"},
		{Mount{ReadOnly: true}, "ro,noexec,nosuid,nodev"},
		{Mount{Options: []string{"exec", "size=64m"}}, "rw,nosuid,nodev,exec,size=64m"},
		{Mount{Options: []string{"ro", "size=1", "size=2"}}, "noexec,nosuid,nodev,ro,size=2"},
		{Mount{Options: []string{"sync", "async", "noatime"}}, "rw,noexec,nosuid,nodev,async,noatime"},
	} {
		got, err := tmpfs(tt.m)
		if err != nil || strings.Join(got.Options, ",") != tt.want {
			t.Errorf("%v: %v, %v, want %s", tt.m.Options, got.Options, err, tt.want)
		}
	}
}

func TestAMountOnDevHidesTheDefaultsBelow(t *testing.T) {
	in := input()
	in.Mounts = []Mount{{Type: project.MountBind, Source: "/dev", Target: "/dev"}}
	got, err := mounts(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range got {
		if strings.HasPrefix(m.Destination, "/dev/") || (m.Destination == "/dev" && m.Type != "bind") {
			t.Errorf("%s is mounted over the user's /dev", m.Destination)
		}
	}
}
