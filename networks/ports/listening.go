package ports

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/networks/netns"
)

// Listening tells whether programs in the network namespace bound at path take
// connections from outside of it to all of the TCP ports.
func Listening(path string, tcp []uint16) (bool, error) {
	var all []netip.AddrPort
	err := netns.Do(path, func() error {
		all = listeners()
		return nil
	})
	return err == nil && answered(all, tcp), err
}

// answered: who listens on its loopback only hears nobody from outside.
func answered(all []netip.AddrPort, tcp []uint16) bool {
	for _, port := range tcp {
		hears := func(at netip.AddrPort) bool { return at.Port() == port && !at.Addr().IsLoopback() }
		if !slices.ContainsFunc(all, hears) {
			return false
		}
	}
	return true
}

// listeners returns where programs listen in the thread's network namespace.
//
// The kernel is asked by netlink, which takes it some microseconds. For the
// tables below /proc it goes through all connections of the host, milliseconds
// even without any: they are for kernels that cannot be asked.
func listeners() (all []netip.AddrPort) {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		some, err := askForListeners(family)
		if err != nil {
			return tabled()
		}
		all = append(all, some...)
	}
	return all
}

func tabled() (all []netip.AddrPort) {
	for _, s := range bound("tcp") {
		all = append(all, s.at)
	}
	return all
}

// Of sock_diag(7): the length of its request, and where in it, and in its
// answers, the fields are.
const (
	diagRequestLen = 56
	diagFamily     = 0
	diagProtocol   = 1
	diagStates     = 4

	diagMinAnswer  = 40
	diagSourcePort = 4
	diagSource     = 8
	tcpListen      = 10 // the kernel's TCP_LISTEN
)

// askForListeners returns the sockets of one family that listen.
func askForListeners(family uint8) ([]netip.AddrPort, error) {
	body := make([]byte, diagRequestLen)
	body[diagFamily], body[diagProtocol] = family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(body[diagStates:], 1<<tcpListen)
	req := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	req.AddRawData(body)
	answers, err := req.Execute(unix.NETLINK_INET_DIAG, 0)
	if err != nil {
		return nil, err
	}
	var all []netip.AddrPort
	for _, a := range answers {
		if len(a) < diagMinAnswer {
			continue
		}
		addr := netip.AddrFrom4([4]byte(a[diagSource:]))
		if a[diagFamily] == unix.AF_INET6 {
			addr = netip.AddrFrom16([16]byte(a[diagSource:])).Unmap()
		}
		all = append(all, netip.AddrPortFrom(addr, binary.BigEndian.Uint16(a[diagSourcePort:])))
	}
	return all, nil
}
