package spec

import (
	"runtime"
	"slices"
	"testing"

	"github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"pgregory.net/rapid"
)

func TestSeccompIsMadeForTheArchitecturesThatProgramsAreMadeFor(t *testing.T) {
	s, err := Build(input())
	if err != nil {
		t.Fatal(err)
	}
	has := func(a specs.Arch) bool { return slices.Contains(s.Linux.Seccomp.Architectures, a) }
	if has(specs.ArchX32) {
		t.Error("a filter for x32, which costs each start more than all the others")
	}
	if runtime.GOARCH == "amd64" && (!has(specs.ArchX86_64) || !has(specs.ArchX86)) {
		t.Errorf("programs of %v only can run", s.Linux.Seccomp.Architectures)
	}
}

func TestPatternsStandForTheValuesAndNoOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Uint64().Draw(t, "base")
		values := rapid.SliceOfN(rapid.Map(rapid.Uint64Range(0, 127), func(v uint64) uint64 { return base ^ v }), 1, 100).Draw(t, "values")
		patterns := cover(values)
		for v := range uint64(1024) {
			v ^= base
			covered := slices.ContainsFunc(patterns, func(p pattern) bool { return p.has(v) })
			if covered != slices.Contains(values, v) {
				t.Fatalf("%v: %#x is covered: %t", patterns, v, covered)
			}
		}
		if distinct := slices.Compact(slices.Sorted(slices.Values(values))); len(patterns) > len(distinct) {
			t.Fatalf("%d patterns for %d values", len(patterns), len(distinct))
		}
	})
}

func TestAShortenedProfileAllowsWhatDockersDoes(t *testing.T) {
	s := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{}}, Linux: &specs.Linux{}}
	docker, err := seccomp.GetDefaultProfile(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := addSeccomp(s); err != nil {
		t.Fatal(err)
	}
	ours := s.Linux.Seccomp
	if len(ours.Syscalls) >= len(docker.Syscalls) {
		t.Errorf("%d rules of %d", len(ours.Syscalls), len(docker.Syscalls))
	}
	samples := []uint64{1<<32 - 1, 1 << 32, 1<<32 + 2, 1<<64 - 1, 0x20000, 0x20008, 0x20001, 0x7e020000}
	for v := range uint64(300) {
		samples = append(samples, v)
	}
	for _, name := range names(docker.Syscalls, ours.Syscalls) {
		for _, v := range samples {
			if want, got := answer(docker, name, v), answer(ours, name, v); got != want {
				t.Errorf("%s(%#x): %s, Docker's says %s", name, v, got, want)
			}
		}
	}
}

func names(rules ...[]specs.LinuxSyscall) []string {
	var all []string
	for _, r := range slices.Concat(rules...) {
		all = append(all, r.Names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// answer is what p does with a system call that has v as its first argument, and
// 0 as all others.
func answer(p *specs.LinuxSeccomp, name string, v uint64) specs.LinuxSeccompAction {
	for _, r := range p.Syscalls {
		matches := func(a specs.LinuxSeccompArg) bool {
			arg := v
			if a.Index != 0 {
				arg = 0
			}
			switch a.Op {
			case specs.OpEqualTo:
				return arg == a.Value
			case specs.OpLessThan:
				return arg < a.Value
			case specs.OpMaskedEqual:
				return arg&a.Value == a.ValueTwo
			}
			panic("no such operation in the profile: " + a.Op)
		}
		// runc takes several conditions on one argument as alternatives; the
		// profile has none.
		if slices.Contains(r.Names, name) && !slices.ContainsFunc(r.Args, func(a specs.LinuxSeccompArg) bool { return !matches(a) }) {
			return r.Action
		}
	}
	return p.DefaultAction
}
