package passage

import (
	"encoding/binary"
	"regexp"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// containerLink is what the host's end of a container's link is called.
var containerLink = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^gc[0-9a-f]{10}-[0-9]+$`) })

// otherLinks tells of messages whether links have come, gone or been renamed:
// most are about other things. Of a link that it does not know yet it says so
// once too often.
func otherLinks() func([]netlink.Message) bool {
	names := map[uint32]string{}
	return func(ms []netlink.Message) (changed bool) {
		for _, m := range ms {
			if len(m.Data) < unix.SizeofIfInfomsg || m.Data[0] != unix.AF_UNSPEC {
				continue
			}
			index := binary.NativeEndian.Uint32(m.Data[4:])
			if m.Header.Type == unix.RTM_DELLINK {
				changed = changed || !containerLink().MatchString(names[index])
				delete(names, index)
				continue
			}
			ad, err := netlink.NewAttributeDecoder(m.Data[unix.SizeofIfInfomsg:])
			if err != nil {
				continue
			}
			for ad.Next() {
				if name := ad.Type() == unix.IFLA_IFNAME; name && names[index] != ad.String() {
					names[index] = ad.String()
					changed = changed || !containerLink().MatchString(ad.String())
				}
			}
		}
		return changed
	}
}

// noContainerLinks has the kernel keep messages about links of containers to
// itself: it tells some twenty times of each that comes and goes, and to wake up
// for it costs more than to read it. A message begins with its header, that of the
// link, and the link's name.
func noContainerLinks() []bpf.Instruction {
	const (
		family    = unix.SizeofNlMsghdr
		attribute = family + unix.SizeofIfInfomsg
		name      = attribute + unix.SizeofRtAttr
		dash      = len("gc0123456789")
		tell      = 1 << 16
	)
	// What BPF loads is in the order of the network.
	isName := uint32(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.IFLA_IFNAME)))
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: attribute + 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: isName, SkipTrue: 7},
		bpf.LoadAbsolute{Off: name, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 'g'<<8 | 'c', SkipTrue: 5},
		bpf.LoadAbsolute{Off: name + 2, Size: 1}, // of bridges, a dash
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: '-', SkipTrue: 3},
		bpf.LoadAbsolute{Off: uint32(name + dash), Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: '-', SkipTrue: 1},
		bpf.RetConstant{},
		bpf.RetConstant{Val: tell},
	}
}
