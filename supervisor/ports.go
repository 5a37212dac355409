package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	Address  string `json:"address"` // of the host: "0.0.0.0"
	Port     uint16 `json:"port"`
	Protocol string `json:"protocol"`
	// Holder is the name of the container that has it, if it is one of ours.
	Holder string `json:"holder,omitempty"`
}

func (e *PortTakenError) Error() string {
	msg := fmt.Sprintf("port %d/%s on %s is taken", e.Port, e.Protocol, e.Address)
	if e.Holder != "" {
		return msg + " by container " + e.Holder
	}
	return msg
}

// publish binds the host port of p on each address it asks for and passes on
// to the target what arrives there. It returns the number it has got.
func publish(ctx context.Context, p endpoint.Port, target netip.AddrPort) (closers, uint16, error) {
	addrs, err := hostAddrs(p.HostIP)
	if err != nil {
		return nil, 0, err
	}
	want := p.HostPort
	if want == 0 {
		want = p.Published
	}
	b := binding{protocol: p.Protocol, addrs: addrs, target: target}
	for try := 1; ; try++ {
		relays, number, err := b.open(ctx, want)
		var taken *PortTakenError
		if want == 0 && try < ephemeralTries && errors.As(err, &taken) {
			continue
		}
		return relays, number, err
	}
}

// binding is one published port on all addresses it is published on.
type binding struct {
	protocol string
	addrs    []netip.Addr
	target   netip.AddrPort
}

// open listens on number, or on any free one when it is 0: the same everywhere.
// A kernel without IPv6 has no unspecified address of it: then there is nobody
// to miss it.
func (b binding) open(ctx context.Context, number uint16) (closers, uint16, error) {
	var open closers
	for i, addr := range b.addrs {
		c, got, err := b.listen(ctx, netip.AddrPortFrom(addr, number))
		if i > 0 && withoutIPv6(err) {
			continue
		}
		if err != nil {
			return nil, 0, errors.Join(err, open.Close())
		}
		open, number = append(open, c), got
	}
	return open, number, nil
}

func (b binding) listen(ctx context.Context, at netip.AddrPort) (io.Closer, uint16, error) {
	network := b.protocol + "4"
	if at.Addr().Is6() {
		network = b.protocol + "6" // takes nothing of IPv4 (IPV6_V6ONLY)
	}
	var config net.ListenConfig
	switch b.protocol {
	case "tcp":
		l, err := config.Listen(ctx, network, at.String())
		if err != nil {
			return nil, 0, b.explain(at, err)
		}
		tcp := l.(*net.TCPListener)
		return relay.TCP(ctx, tcp, b.target), tcp.Addr().(*net.TCPAddr).AddrPort().Port(), nil
	case "udp":
		conn, err := config.ListenPacket(ctx, network, at.String())
		if err != nil {
			return nil, 0, b.explain(at, err)
		}
		udp := conn.(*net.UDPConn)
		r, err := relay.UDP(ctx, udp, b.target)
		if err != nil {
			return nil, 0, errors.Join(err, udp.Close())
		}
		return r, udp.LocalAddr().(*net.UDPAddr).AddrPort().Port(), nil
	}
	return nil, 0, fmt.Errorf("publishing protocol %q is not supported", b.protocol)
}

// explain says why a host port cannot be had.
func (b binding) explain(at netip.AddrPort, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return &PortTakenError{Address: at.Addr().String(), Port: at.Port(), Protocol: b.protocol}
	case withoutIPv6(err):
		return fmt.Errorf("publishing port %d/%s on %s, which is no address of this machine: %w", at.Port(), b.protocol, at.Addr(), err)
	}
	return fmt.Errorf("publishing port %d/%s on %s: %w", at.Port(), b.protocol, at.Addr(), err)
}

func withoutIPv6(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// hostAddrs returns the addresses of the host that a published port is on:
// all of IPv4 and all of IPv6 unless there is one of its own.
func hostAddrs(hostIP string) ([]netip.Addr, error) {
	if hostIP == "" {
		return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}, nil
	}
	addr, err := netip.ParseAddr(hostIP)
	if err != nil {
		return nil, fmt.Errorf("publishing a port: %w", err)
	}
	return []netip.Addr{addr.Unmap()}, nil
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
