package supervisor

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// reserveSCTP binds a port of SCTP, or any free one when it is 0, and returns
// its number. Nothing is passed on: what the kernel does not translate finds
// nobody there. A kernel without sockets of SCTP lets no program have the port:
// then there is nothing to bind, and it translates SCTP all the same.
func reserveSCTP(ctx context.Context, at netip.AddrPort) (io.Closer, uint16, error) {
	c, number, err := bindSCTP(at)
	if !errors.Is(err, unix.EPROTONOSUPPORT) && !errors.Is(err, unix.ESOCKTNOSUPPORT) {
		return c, number, err
	}
	if at.Port() != 0 {
		return closers{}, at.Port(), nil
	}
	// A number out of those that programs get: one that is free for TCP will do.
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", at.String())
	if err != nil {
		return nil, 0, err
	}
	return closers{}, l.Addr().(*net.TCPAddr).AddrPort().Port(), l.Close()
}

// bindSCTP opens a socket that never listens.
func bindSCTP(at netip.AddrPort) (c io.Closer, number uint16, err error) {
	var sa unix.Sockaddr = &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
	family := unix.AF_INET6
	if at.Addr().Is4() {
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, unix.Close(fd))
		}
	}()
	if family == unix.AF_INET6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return nil, 0, err
		}
	}
	if err := unix.Bind(fd, sa); err != nil {
		return nil, 0, err
	}
	got, err := unix.Getsockname(fd)
	if err != nil {
		return nil, 0, err
	}
	switch got := got.(type) {
	case *unix.SockaddrInet4:
		number = uint16(got.Port)
	case *unix.SockaddrInet6:
		number = uint16(got.Port)
	}
	return os.NewFile(uintptr(fd), "sctp"), number, nil
}
