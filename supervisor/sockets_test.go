package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

// silent is a pair of sockets to which nobody ever talks.
type silent struct {
	net.PacketConn
	net.Listener
	once   *sync.Once
	closed chan struct{}
}

func listenSilently(context.Context, string) (net.PacketConn, net.Listener, error) {
	s := silent{once: new(sync.Once), closed: make(chan struct{})}
	return s, s, nil
}

func (s silent) ReadFrom([]byte) (int, net.Addr, error) {
	<-s.closed
	return 0, nil, net.ErrClosed
}

func (s silent) Accept() (net.Conn, error) {
	<-s.closed
	return nil, net.ErrClosed
}

func (s silent) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s silent) LocalAddr() net.Addr              { return nil }
func (s silent) SetDeadline(time.Time) error      { return nil }
func (s silent) SetReadDeadline(time.Time) error  { return nil }
func (s silent) SetWriteDeadline(time.Time) error { return nil }

// plain is an endpoint with a name, and an address that is its name server's
// too where sockets are real.
func plain(id, addr string, ports ...endpoint.Port) endpoint.Endpoint {
	return endpoint.Endpoint{
		ID: id, Name: "shop-" + id, Netns: addr, Ports: ports,
		Interfaces: []endpoint.Interface{{
			Network: "shop_default", Name: "eth0",
			Address: netip.PrefixFrom(netip.MustParseAddr(addr), 8), Names: []string{"shop-" + id, id},
		}},
	}
}

func port(target uint16, protocol, hostIP string, published uint16) endpoint.Port {
	return endpoint.Port{Port: project.Port{Target: target, Protocol: protocol, HostIP: hostIP, Published: published}}
}

// listenOn has "network namespaces" that are addresses of the loopback.
func listenOn(ctx context.Context, addr string) (net.PacketConn, net.Listener, error) {
	var config net.ListenConfig
	at := fmt.Sprintf("%s:%d", addr, DNSPort)
	packets, err := config.ListenPacket(ctx, "udp4", at)
	if err != nil {
		return nil, nil, err
	}
	streams, err := config.Listen(ctx, "tcp4", at)
	if err != nil {
		return nil, nil, errors.Join(err, packets.Close())
	}
	return packets, streams, nil
}
