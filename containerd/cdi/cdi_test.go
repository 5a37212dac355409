package cdi

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

const fake = `cdiVersion: 0.6.0
kind: vendor.com/thing
containerEdits:
  env: [ALL_THINGS=yes]
devices:
  - name: one
    containerEdits:
      env: [THING=one]
      deviceNodes:
        - {path: /dev/thing, hostPath: /dev/null, permissions: r}
      mounts:
        - {hostPath: /etc/hostname, containerPath: /thing, options: [ro, bind]}
      hooks:
        - {hookName: createContainer, path: %HOOK%, args: [hook, now]}
  - name: gone
    containerEdits:
      deviceNodes: [{path: /dev/no-such-thing}]
  - name: hooked
    containerEdits:
      hooks: [{hookName: prestart, path: /no/such/hook}]
`

const gpu = `cdiVersion: 0.6.0
kind: %KIND%
devices:
  - {name: "0", containerEdits: {env: [GPU0=yes]}}
  - {name: "1", containerEdits: {env: [GPU1=yes]}}
  - {name: all, containerEdits: {env: [GPUS=all]}}
`

// dir is a folder with the specifications.
func dir(t *testing.T, files ...string) string {
	t.Helper()
	at := t.TempDir()
	for i, text := range files {
		hook := filepath.Join(at, "hook")
		if err := os.WriteFile(hook, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		text = strings.ReplaceAll(text, "%HOOK%", hook)
		if err := os.WriteFile(filepath.Join(at, string(rune('a'+i))+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

func bare() *specs.Spec {
	return &specs.Spec{
		Process: &specs.Process{Env: []string{"PATH=/bin", "THING=mine"}},
		Linux:   &specs.Linux{Resources: &specs.LinuxResources{}},
	}
}

func TestADeviceComesWithAllThatItsVendorSays(t *testing.T) {
	s := bare()
	if err := Inject(s, project.Devices{CDI: []string{"vendor.com/thing=one"}}, []string{dir(t, fake)}); err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{"ALL_THINGS=yes", "THING=one"} {
		if !slices.Contains(s.Process.Env, v) {
			t.Errorf("environment %q, want %s in it", s.Process.Env, v)
		}
	}
	if len(s.Linux.Devices) != 1 || s.Linux.Devices[0].Path != "/dev/thing" || s.Linux.Devices[0].Minor != 3 {
		t.Errorf("devices %+v, want /dev/null at /dev/thing", s.Linux.Devices)
	}
	if rules := s.Linux.Resources.Devices; len(rules) != 1 || rules[0].Access != "r" || !rules[0].Allow {
		t.Errorf("rules %+v, want it to be read", rules)
	}
	if len(s.Mounts) != 1 || s.Mounts[0].Destination != "/thing" {
		t.Errorf("mounts %+v", s.Mounts)
	}
	if s.Hooks == nil || len(s.Hooks.CreateContainer) != 1 {
		t.Errorf("hooks %+v", s.Hooks)
	}
}

func TestGPUsAreFoundByWhatIsAskedFor(t *testing.T) {
	nvidia, amd := strings.ReplaceAll(gpu, "%KIND%", "nvidia.com/gpu"), strings.ReplaceAll(gpu, "%KIND%", "amd.com/gpu")
	both, one := []string{dir(t, amd, nvidia, fake)}, []string{dir(t, amd, fake)}
	type q = project.DeviceRequest
	for _, tt := range []struct {
		name string
		dirs []string
		q    q
		want string // names, or a part of the error
	}{
		{"all", both, q{Count: -1}, "nvidia.com/gpu=all"},
		{"all where there is one vendor", one, q{Count: -1}, "amd.com/gpu=all"},
		{"of a driver", both, q{Driver: "amd", Count: -1}, "amd.com/gpu=all"},
		{"so many", both, q{Count: 2}, "nvidia.com/gpu=0 nvidia.com/gpu=1"},
		{"more than there are", both, q{Count: 3}, "gpus: no device nvidia.com/gpu=2 in the CDI specifications in"},
		{"by name", both, q{IDs: []string{"1"}}, "nvidia.com/gpu=1"},
		{"by a full name", both, q{IDs: []string{"vendor.com/thing=one", "1"}}, "nvidia.com/gpu=1 vendor.com/thing=one"},
		{"one that is not there", both, q{IDs: []string{"7"}}, "there are nvidia.com/gpu=0, nvidia.com/gpu=1, nvidia.com/gpu=all"},
		{"of CDI", both, q{Driver: "cdi", IDs: []string{"vendor.com/thing=one"}}, "vendor.com/thing=one"},
		{"of a driver that is not there", one, q{Driver: "nvidia", Count: -1}, "gpus: no CDI specification of a NVIDIA GPU in " + one[0] +
			": install the driver and make one, for NVIDIA with `nvidia-ctk cdi generate"},
		{"of no driver", []string{dir(t, fake)}, q{Count: -1}, "no CDI specification of a GPU in "},
		{"of nobody", []string{filepath.Join(t.TempDir(), "none")}, q{Driver: "cdi", IDs: []string{"x.com/y=z"}}, "there is none of x.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.q.Attribute = "gpus"
			got, err := open(tt.dirs).names(project.Devices{Requests: []q{tt.q}})
			text := strings.Join(got, " ")
			if err != nil {
				text = err.Error()
			}
			if err == nil && text != tt.want || !strings.Contains(text, tt.want) {
				t.Errorf("%s, want %s", text, tt.want)
			}
		})
	}
}

func TestWhatCannotBeGivenIsAnError(t *testing.T) {
	broken := dir(t, fake, "kind: none\ncdiVersion: [")
	for _, tt := range []struct{ device, want string }{
		{"vendor.com/thing=two", "devices: no device vendor.com/thing=two in the CDI specifications in " + broken + ": there are vendor.com/thing=gone"},
		{"other.com/thing=two", "there is none of other.com"},
		{"vendor.com/thing=two", "and some are broken: "},
		{"vendor.com/thing=gone", "/dev/no-such-thing"},
		{"vendor.com/thing=hooked", "/no/such/hook run, which is not there"},
	} {
		err := Inject(bare(), project.Devices{CDI: []string{tt.device}}, []string{broken})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.device, err, tt.want)
		}
	}
}

func TestWithoutDevicesNothingIsRead(t *testing.T) {
	if err := Inject(nil, project.Devices{Rules: []string{"c 1:3 rwm"}}, nil); err != nil {
		t.Error(err)
	}
}

func TestFoldersAreThoseOfTheEnvironment(t *testing.T) {
	t.Setenv(DirsEnv, "/a:/b")
	if got := Dirs(); !slices.Equal(got, []string{"/a", "/b"}) {
		t.Errorf("folders %q", got)
	}
	t.Setenv(DirsEnv, "")
	if got := Dirs(); !slices.Equal(got, []string{"/etc/cdi", "/var/run/cdi"}) {
		t.Errorf("folders %q", got)
	}
}
