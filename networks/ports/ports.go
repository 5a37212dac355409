// Package ports tells who holds a port of this host.
package ports

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/project"
)

// Holder tells who holds the host port p.Published, so that p cannot have it:
// "nginx (process 812)", or "another program" when it cannot be told apart. ok
// is false when the port is free, and for a port that is still to be chosen; of
// a range, when one of its ports is free. The error says that no program could
// have it: the address is not of this host, for instance.
//
// Programs only are asked about: a port that is published by the kernel's rules
// alone, without anybody listening, is free here.
func Holder(p project.Port) (holder string, ok bool, err error) {
	if p.Published == 0 {
		return "", false, nil
	}
	addrs, err := addresses(p.HostIP)
	if err != nil {
		return "", false, fmt.Errorf("port %s: %w", p, err)
	}
	var first netip.AddrPort
	for n := int(p.Published); n <= int(max(p.Published, p.PublishedEnd)); n++ {
		at, ok, err := taken(p, addrs, uint16(n))
		if !ok || err != nil {
			return "", false, err
		}
		if !first.IsValid() {
			first = at
		}
	}
	return find(p.Protocol, first), true, nil
}

// taken returns the first of the addresses on which the port cannot be had
// because somebody has it.
func taken(p project.Port, addrs []netip.Addr, number uint16) (at netip.AddrPort, ok bool, err error) {
	for _, a := range addrs {
		at := netip.AddrPortFrom(a, number)
		err := bind(p.Protocol, at)
		switch {
		case errors.Is(err, unix.EADDRINUSE):
			return at, true, nil
		case errors.Is(err, unix.EADDRNOTAVAIL) && a.IsUnspecified(), errors.Is(err, unix.EAFNOSUPPORT):
			continue // this host has no IPv6
		case p.Protocol == "sctp" && errors.Is(err, unix.EPROTONOSUPPORT):
			continue // this host has no SCTP: no program can have the port
		case errors.Is(err, unix.EADDRNOTAVAIL):
			return at, false, fmt.Errorf("port %s: this host does not have the address %s", p, a)
		case err != nil:
			return at, false, fmt.Errorf("port %s: trying to listen on %s: %w", p, at, err)
		}
	}
	return netip.AddrPort{}, false, nil
}

func addresses(hostIP string) ([]netip.Addr, error) {
	if hostIP == "" {
		return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}, nil
	}
	a, err := netip.ParseAddr(hostIP)
	return []netip.Addr{a.Unmap()}, err
}

// bind does what a server would do, and undoes it. Connections that linger
// after their server are no obstacle (SO_REUSEADDR).
func bind(protocol string, at netip.AddrPort) (err error) {
	kind, number := unix.SOCK_STREAM, 0
	switch protocol {
	case "udp":
		kind = unix.SOCK_DGRAM
	case "sctp":
		number = unix.IPPROTO_SCTP
	}
	family, sa := sockaddr(at)
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, number)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	if family == unix.AF_INET6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return err
		}
	}
	if protocol != "tcp" && protocol != "" {
		return unix.Bind(fd, sa)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := unix.Bind(fd, sa); err != nil {
		return err
	}
	return unix.Listen(fd, 1)
}

func sockaddr(at netip.AddrPort) (family int, sa unix.Sockaddr) {
	if at.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
}
