package passage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The legacy tables are read in process: iptables-legacy takes a lock to do it,
// which Watch would take for a change, and several milliseconds.

// layout is how the kernel tells a legacy table of one version of IP: sizes and
// places in struct ipt_entry, or ip6t_entry, on 64-bit machines.
type layout struct {
	domain, level int
	addresses     int // bytes of them, at the beginning
	plain         int // then the names of links, with masks; then bytes up to here, which are zero when there is no other condition
	target        int // place of the places of the target and of the next entry
	size          int // of an entry with no matches
}

var (
	layoutIPv4 = layout{unix.AF_INET, unix.SOL_IP, 16, 84, 88, 112}
	layoutIPv6 = layout{unix.AF_INET6, unix.SOL_IPV6, 64, 136, 140, 168}
)

const (
	soGetInfo    = 64 // IPT_SO_GET_INFO
	soGetEntries = 65 // IPT_SO_GET_ENTRIES

	nameBytes    = 32 // XT_TABLE_MAXNAMELEN
	hooks        = 5
	targetHeader = 32 // struct xt_entry_target: its name begins at 2
	hookForward  = 2  // NF_INET_FORWARD
)

var errCut = errors.New("the kernel's answer is cut short")

// read returns the rules of FORWARD, without the policy, and of each chain that
// the kernel did not make. A rule with conditions or targets that are none of
// ours is "".
func (l layout) read() (map[string][]string, error) {
	fd, err := unix.Socket(l.domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	// struct ipt_getinfo: name, valid hooks, where each begins and where its
	// policy is, number of entries, bytes of entries.
	info := make([]byte, nameBytes+4+4*hooks+4*hooks+4+4)
	copy(info, "filter")
	if err := getsockopt(fd, l.level, soGetInfo, info); err != nil {
		return nil, err
	}
	at := func(i int) int { return int(binary.NativeEndian.Uint32(info[nameBytes+4*i:])) }
	begin, policy, size := at(1+hookForward), at(1+hooks+hookForward), at(2+2*hooks)
	// struct ipt_get_entries: name, bytes; from a multiple of 8 on, the entries.
	const header = 40
	answer := make([]byte, header+size)
	copy(answer, "filter")
	binary.NativeEndian.PutUint32(answer[nameBytes:], uint32(size))
	if err := getsockopt(fd, l.level, soGetEntries, answer); err != nil {
		return nil, err
	}
	return l.chains(answer[header:], begin, policy)
}

func getsockopt(fd, level, option int, value []byte) error {
	n := uint32(len(value))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&value[0])), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// entry is one rule, or what begins a chain, or the end.
type entry struct {
	bytes []byte
	next  int
}

// chains reads the entries, of which those of FORWARD are from begin up to its
// policy.
func (l layout) chains(table []byte, begin, policy int) (map[string][]string, error) {
	var entries []entry
	names := map[int]string{} // of chains, by where their first rule is
	for at := 0; at < len(table); {
		b := table[at:]
		if len(b) < l.size+targetHeader {
			return nil, errCut
		}
		length := int(binary.NativeEndian.Uint16(b[l.target+2:]))
		if length < l.size+targetHeader || length > len(b) {
			return nil, errCut
		}
		at += length
		entries = append(entries, entry{b[:length], at})
		if name := l.heading(b[:length]); name != "" {
			names[at] = name
		}
	}
	chains := map[string][]string{"FORWARD": nil}
	var chain string
	at := 0
	for _, e := range entries {
		name := l.heading(e.bytes)
		switch {
		case name != "":
			// The rule before ends the chain, as its policy would.
			if rules := chains[chain]; chain != "" && len(rules) > 0 {
				chains[chain] = rules[:len(rules)-1]
			}
			chain = name
			chains[chain] = nil
		case chain != "":
			chains[chain] = append(chains[chain], l.text(e.bytes, names))
		case at >= begin && at < policy:
			chains["FORWARD"] = append(chains["FORWARD"], l.text(e.bytes, names))
		}
		at = e.next
	}
	// The last entry of all is a heading too, of no chain.
	delete(chains, "ERROR")
	return chains, nil
}

// heading returns the name of the chain that begins after the entry, or "".
func (l layout) heading(b []byte) string {
	t := l.targetOf(b)
	if len(t) < targetHeader || text(t[2:targetHeader-1]) != "ERROR" {
		return ""
	}
	return text(t[targetHeader:])
}

func (l layout) targetOf(b []byte) []byte {
	return b[min(len(b), int(binary.NativeEndian.Uint16(b[l.target:]))):]
}

// text writes the rule as iptables would, if it is of the form of ours.
func (l layout) text(b []byte, names map[int]string) string {
	t := l.targetOf(b)
	in, out := b[l.addresses:l.addresses+16], b[l.addresses+16:l.addresses+32]
	other := [][]byte{b[:l.addresses], b[l.addresses+64 : l.plain]}
	for _, o := range other {
		if len(bytes.Trim(o, "\x00")) > 0 {
			return ""
		}
	}
	if len(b)-len(t) != l.size || len(t) < targetHeader+4 || t[2] != 0 {
		return "" // matches, or a target that is an extension
	}
	// Verdicts are negative, and one less than the kernel's; others are places.
	verdict := int32(binary.NativeEndian.Uint32(t[targetHeader:]))
	target := names[int(verdict)]
	switch verdict {
	case -2:
		target = "ACCEPT"
	case -5:
		target = "RETURN"
	}
	if target == "" {
		return ""
	}
	return line(text(in), text(out), target)
}

// text is a string of C.
func text(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}
