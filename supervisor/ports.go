package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/netip"
	"syscall"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/supervisor/relay"
)

// ephemeralTries is how often a number that is free on all addresses is looked
// for. Docker's value.
const ephemeralTries = 10

// PortTakenError says that a host port belongs to somebody else.
type PortTakenError struct {
	Address string `json:"address"` // of the host: "0.0.0.0"
	Port    uint16 `json:"port"`
	// End is the last port of a range, that begins with Port, of which none is
	// free; 0: it is about one port.
	End      uint16 `json:"end,omitempty"`
	Protocol string `json:"protocol"`
	// Holder is the name of the container that has it, if it is one of ours and
	// the only one.
	Holder string `json:"holder,omitempty"`
}

func (e *PortTakenError) Error() string {
	if e.End != 0 {
		return fmt.Sprintf("all of the ports %d-%d/%s on %s are taken: publish a longer range, or another one",
			e.Port, e.End, e.Protocol, e.Address)
	}
	msg := fmt.Sprintf("port %d/%s on %s is taken", e.Port, e.Protocol, e.Address)
	if e.Holder != "" {
		return msg + " by container " + e.Holder
	}
	return msg
}

// hostPort is a port of the host: on one address, or on all, of both families,
// when that is the zero address.
type hostPort struct {
	protocol string
	addr     netip.Addr
	number   uint16
}

// askedFor returns the host port that p is about, without the number, which may be
// chosen.
func askedFor(p endpoint.Port) (hostPort, error) {
	h := hostPort{protocol: p.Protocol}
	if p.HostIP == "" {
		return h, nil
	}
	addr, err := netip.ParseAddr(p.HostIP)
	if err != nil {
		return h, fmt.Errorf("publishing a port: %w", err)
	}
	h.addr = addr.Unmap()
	return h, nil
}

// numbers are those that p may get, the best first; 0 is any that is free.
func numbers(p endpoint.Port) iter.Seq[uint16] {
	first, last := p.HostPort, p.HostPort
	if first == 0 {
		first, last = p.Published, max(p.Published, p.PublishedEnd)
	}
	return func(yield func(uint16) bool) {
		if first == 0 {
			for range ephemeralTries {
				if !yield(0) {
					return
				}
			}
			return
		}
		for n := int(first); n <= int(last); n++ {
			if !yield(uint16(n)) {
				return
			}
		}
	}
}

// addrs returns the addresses of the host that it is on.
func (h hostPort) addrs() []netip.Addr {
	if h.addr.IsValid() {
		return []netip.Addr{h.addr}
	}
	return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
}

// overlaps says whether the two cannot be had side by side.
func (h hostPort) overlaps(other hostPort) bool {
	if h.protocol != other.protocol || h.number != other.number {
		return false
	}
	for _, a := range h.addrs() {
		for _, b := range other.addrs() {
			if a == b || a.Is4() == b.Is4() && (a.IsUnspecified() || b.IsUnspecified()) {
				return true
			}
		}
	}
	return false
}

func (h hostPort) taken(holder string) *PortTakenError {
	return &PortTakenError{Address: h.addrs()[0].String(), Port: h.number, Protocol: h.protocol, Holder: holder}
}

// openPort binds the port, on its number or on any free one when that is 0: the
// same everywhere. It returns the number. A kernel without IPv6 has no
// unspecified address of it: then there is nobody to miss it.
func openPort(ctx context.Context, h hostPort, to *relay.Targets) (closers, uint16, error) {
	var open closers
	for i, addr := range h.addrs() {
		c, got, err := h.listen(ctx, netip.AddrPortFrom(addr, h.number), to)
		if i > 0 && withoutIPv6(err) {
			continue
		}
		if err != nil {
			return nil, 0, errors.Join(h.explain(addr, err), open.Close())
		}
		open, h.number = append(open, c), got
	}
	return open, h.number, nil
}

func (h hostPort) listen(ctx context.Context, at netip.AddrPort, to *relay.Targets) (io.Closer, uint16, error) {
	network := h.protocol + "4"
	if at.Addr().Is6() {
		network = h.protocol + "6" // takes nothing of IPv4 (IPV6_V6ONLY)
	}
	var config net.ListenConfig
	switch h.protocol {
	case "tcp":
		l, err := config.Listen(ctx, network, at.String())
		if err != nil {
			return nil, 0, err
		}
		tcp := l.(*net.TCPListener)
		return relay.TCP(ctx, tcp, to), tcp.Addr().(*net.TCPAddr).AddrPort().Port(), nil
	case "udp":
		conn, err := config.ListenPacket(ctx, network, at.String())
		if err != nil {
			return nil, 0, err
		}
		udp := conn.(*net.UDPConn)
		r, err := relay.UDP(ctx, udp, to)
		if err != nil {
			return nil, 0, errors.Join(err, udp.Close())
		}
		return r, udp.LocalAddr().(*net.UDPAddr).AddrPort().Port(), nil
	case "sctp":
		return reserveSCTP(ctx, at)
	}
	return nil, 0, fmt.Errorf("protocol %q is not supported", h.protocol)
}

// explain says why the port cannot be had on an address.
func (h hostPort) explain(addr netip.Addr, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return &PortTakenError{Address: addr.String(), Port: h.number, Protocol: h.protocol}
	case withoutIPv6(err):
		return fmt.Errorf("publishing port %d/%s on %s, which is no address of this machine: %w", h.number, h.protocol, addr, err)
	}
	return fmt.Errorf("publishing port %d/%s on %s: %w", h.number, h.protocol, addr, err)
}

func withoutIPv6(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// closers are things that are closed together.
type closers []io.Closer

func (cs closers) Close() error {
	var failed []error
	for _, c := range cs {
		failed = append(failed, c.Close())
	}
	return errors.Join(failed...)
}
