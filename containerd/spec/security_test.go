package spec

import (
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

const strict = `{"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},` +
	`{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]}],"syscalls":[` +
	`{"names":["read"],"action":"SCMP_ACT_ALLOW"},` +
	`{"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},` +
	`{"names":["chown"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_CHOWN"]}}]}`

func TestTheSeccompProfileIsTheOneAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name       string
		asked      string
		privileged bool
		add        []string
		allowed    []string // nil: there is no profile
		refused    []string
	}{
		{"Docker's by default", "", false, nil, []string{"read", "write"}, []string{"mount"}},
		{"none", "unconfined", false, nil, nil, nil},
		{"none of privileged", "", true, nil, nil, nil},
		{"Docker's of privileged, who have all capabilities", "builtin", true, nil, []string{"read", "mount"}, []string{"io_uring_setup"}},
		{"one of the user's", strict, false, nil, []string{"read"}, []string{"write", "mount", "chown"}},
		{"with what the capabilities open and close", strict, false, []string{"CAP_SYS_ADMIN"}, []string{"read", "mount"}, []string{"chown"}},
		{"of privileged too", strict, true, nil, []string{"read", "mount"}, []string{"write", "chown"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := input()
			in.Container.Security.Seccomp, in.Container.Privileged, in.Container.CapAdd = tt.asked, tt.privileged, tt.add
			s, err := Build(in)
			if err != nil {
				t.Fatal(err)
			}
			if tt.allowed == nil {
				if s.Linux.Seccomp != nil {
					t.Error("there is a profile")
				}
				return
			}
			if s.Linux.Seccomp == nil || len(s.Linux.Seccomp.Architectures) == 0 {
				t.Fatalf("the profile is %+v", s.Linux.Seccomp)
			}
			for _, name := range tt.allowed {
				if !allows(s.Linux.Seccomp, name) {
					t.Errorf("%s is not allowed", name)
				}
			}
			for _, name := range tt.refused {
				if allows(s.Linux.Seccomp, name) {
					t.Errorf("%s is allowed", name)
				}
			}
		})
	}
}

func TestTheAppArmorProfileIsTheOneAskedFor(t *testing.T) {
	for _, tt := range []struct {
		asked, host string
		privileged  bool
		want        string
		problem     bool
	}{
		{"", "", false, "", false},
		{"unconfined", "", false, "", false},
		{"web", "", false, "", true},
		{"", "containers", false, "containers", false},
		{"web", "containers", false, "web", false},
		{"unconfined", "containers", false, "unconfined", false},
		{"", "containers", true, "unconfined", false},
		{"web", "containers", true, "web", false},
		{"docker-default", "containers", true, "containers", false},
		{"docker-default", "", true, "", false},
	} {
		in := input()
		in.Container.Security.AppArmor, in.Container.Privileged, in.Host.AppArmor = tt.asked, tt.privileged, tt.host
		s, err := Build(in)
		switch {
		case tt.problem:
			if err == nil || !strings.Contains(err.Error(), "apparmor=web: AppArmor is not enabled") {
				t.Errorf("%+v: %v", tt, err)
			}
		case err != nil || s.Process.ApparmorProfile != tt.want:
			t.Errorf("%+v: %v, %v", tt, s, err)
		}
	}
}

func TestLabelsAreForHostsWithSELinux(t *testing.T) {
	for _, tt := range []struct {
		labels  []string
		host    bool
		problem bool
	}{
		{[]string{"type:web_t"}, false, false},
		{[]string{"type:web_t"}, true, true},
		{[]string{"disable"}, true, false},
		{nil, true, false},
	} {
		in := input()
		in.Container.Security.Labels, in.Host.SELinux = tt.labels, tt.host
		if _, err := Build(in); (err != nil) != tt.problem {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func TestTheProcessIsSecured(t *testing.T) {
	in := input()
	mask, yes := 0o27, true
	in.Container.Security = project.Security{NoNewPrivileges: true, OpenPaths: true, WritableCgroups: &yes, Umask: &mask}
	s, err := Build(in)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Process.NoNewPrivileges || s.Process.User.Umask == nil || *s.Process.User.Umask != 0o27 {
		t.Errorf("the process is %+v", s.Process)
	}
	if len(s.Linux.MaskedPaths)+len(s.Linux.ReadonlyPaths) > 0 {
		t.Error("paths are hidden, or read-only")
	}
	if options := mountAt(s, "/sys/fs/cgroup").Options; slices.Contains(options, "ro") {
		t.Errorf("the cgroups are %v", options)
	}
	no := false
	in.Container.Privileged, in.Container.Security.WritableCgroups = true, &no
	if s, err = Build(in); err != nil {
		t.Fatal(err)
	}
	if options := mountAt(s, "/sys/fs/cgroup").Options; !slices.Contains(options, "ro") {
		t.Errorf("the cgroups are %v", options)
	}
}

func mountAt(s *specs.Spec, target string) specs.Mount {
	i := slices.IndexFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == target })
	if i < 0 {
		return specs.Mount{}
	}
	return s.Mounts[i]
}
