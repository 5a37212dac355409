package loader

import (
	"testing"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// What is let through can be made a profile of, for whatever capabilities.
func FuzzSeccompProfile(f *testing.F) {
	for _, seed := range []string{
		`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}`,
		`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[null]}`,
		`{"defaultAction":"SCMP_ACT_ALLOW","archMap":null,"syscalls":[{"name":"x","action":"SCMP_ACT_LOG","includes":{"minKernel":"4.8"}}]}`,
		`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_SYS_ADMIN"]}}]}`,
		`{`, `null`, `[]`, "{\n\"defaultAction\": 1}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		err := checkProfile(content)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		for _, caps := range [][]string{nil, {"CAP_SYS_ADMIN"}} {
			s := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
			if p, err := seccomp.LoadProfile(string(content), s); err != nil || p == nil {
				t.Errorf("%s: %v, %v", content, p, err)
			}
		}
	})
}
