package spec

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// addSeccomp gives s Docker's own profile, from the module that Docker builds:
// its rules depend on the bounding capabilities, the architecture and the
// kernel's version. containerd's copy of it follows later and differs in detail.
//
// libseccomp compiles it anew for each container, in a time that grows faster
// than the number of rules and architectures, and was a quarter of a start. So
// it is written shorter.
func addSeccomp(s *specs.Spec) error {
	p, err := seccomp.GetDefaultProfile(s)
	if err != nil {
		return fmt.Errorf("making the seccomp profile: %w", err)
	}
	p.Architectures = slices.DeleteFunc(p.Architectures, rare)
	p.Syscalls = shorten(p.Syscalls)
	s.Linux.Seccomp = p
	return nil
}

// rare architectures are left out: no image is made for x32, and most kernels
// have no system calls of it (CONFIG_X86_X32_ABI). They are refused now where
// they are there.
func rare(a specs.Arch) bool { return a == specs.ArchX32 }

// shorten returns rules that allow the same: those that allow a system call for
// single values of one argument, a rule for each value, become rules that allow
// it for values with certain bits.
func shorten(rules []specs.LinuxSyscall) []specs.LinuxSyscall {
	values := map[choice][]uint64{}
	for _, r := range rules {
		if c, vs := chosen(r); len(vs) > 0 {
			values[c] = append(values[c], vs...)
		}
	}
	var short []specs.LinuxSyscall
	for _, r := range rules {
		c, vs := chosen(r)
		if len(vs) == 0 {
			short = append(short, r)
			continue
		}
		for _, p := range cover(values[c]) {
			short = append(short, c.rule(p))
		}
		values[c] = nil // once is enough
	}
	return short
}

// choice is a system call that is allowed for some values of an argument.
type choice struct {
	name  string
	index uint
}

// chosen returns the values that a rule allows, if that is all it does.
func chosen(r specs.LinuxSyscall) (choice, []uint64) {
	const few = 64
	if len(r.Names) != 1 || len(r.Args) != 1 || r.Action != specs.ActAllow || r.ErrnoRet != nil {
		return choice{}, nil
	}
	arg := r.Args[0]
	c := choice{r.Names[0], arg.Index}
	switch {
	case arg.Op == specs.OpEqualTo:
		return c, []uint64{arg.Value}
	case arg.Op == specs.OpLessThan && arg.Value <= few:
		var below []uint64
		for v := range arg.Value {
			below = append(below, v)
		}
		return c, below
	}
	return choice{}, nil
}

func (c choice) rule(p pattern) specs.LinuxSyscall {
	return specs.LinuxSyscall{
		Names:  []string{c.name},
		Action: specs.ActAllow,
		Args:   []specs.LinuxSeccompArg{{Index: c.index, Op: specs.OpMaskedEqual, Value: p.mask, ValueTwo: p.value}},
	}
}

// pattern stands for the values v with v & mask == value.
type pattern struct{ mask, value uint64 }

func (p pattern) has(v uint64) bool { return v&p.mask == p.value }

// cover returns few patterns that stand for exactly the given values: of those
// that cannot be made wider (the prime implicants of Quine and McCluskey), again
// and again the one that stands for the most values that are left.
func cover(values []uint64) []pattern {
	left := slices.Compact(slices.Sorted(slices.Values(values)))
	all := widest(left)
	var taken []pattern
	for len(left) > 0 {
		best := slices.MaxFunc(all, func(a, b pattern) int {
			return cmp.Or(cmp.Compare(a.count(left), b.count(left)), cmp.Compare(b.mask, a.mask), cmp.Compare(b.value, a.value))
		})
		taken = append(taken, best)
		left = slices.DeleteFunc(left, best.has)
	}
	return taken
}

func (p pattern) count(values []uint64) int {
	n := 0
	for _, v := range values {
		if p.has(v) {
			n++
		}
	}
	return n
}

// widest returns the patterns that stand for nothing but values and are part of
// no other such pattern. Two that differ in the value of one bit are one that
// leaves this bit open.
func widest(values []uint64) []pattern {
	var found []pattern
	var differ uint64 // bits
	wide := map[pattern]bool{}
	for _, v := range values {
		wide[pattern{^uint64(0), v}] = true
		differ |= v ^ values[0]
	}
	for len(wide) > 0 {
		wider := map[pattern]bool{}
		for p := range wide {
			part := false
			for rest := p.mask & differ; rest != 0; rest &= rest - 1 {
				bit := uint64(1) << bits.TrailingZeros64(rest)
				if wide[pattern{p.mask, p.value ^ bit}] {
					wider[pattern{p.mask &^ bit, p.value &^ bit}] = true
					part = true
				}
			}
			if !part {
				found = append(found, p)
			}
		}
		wide = wider
	}
	return found
}
