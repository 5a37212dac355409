package ports_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/networks/ports"
	"github.com/gocompose/gocompose/project"
)

// listen takes a free port and returns it.
func listen(t *testing.T, network, addr string) uint16 {
	t.Helper()
	var at string
	if strings.HasPrefix(network, "udp") {
		c, err := net.ListenPacket(network, addr)
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { c.Close() })
		at = c.LocalAddr().String()
	} else {
		l, err := net.Listen(network, addr)
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { l.Close() })
		at = l.Addr().String()
	}
	var port uint16
	if _, err := fmt.Sscan(at[strings.LastIndex(at, ":")+1:], &port); err != nil {
		t.Fatal(err)
	}
	return port
}

func self(t *testing.T) string {
	t.Helper()
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s (process %d)", strings.TrimSpace(string(name)), os.Getpid())
}

func TestAHeldPortNamesItsHolder(t *testing.T) {
	for _, c := range []struct{ network, addr, hostIP string }{
		{"tcp4", "127.0.0.1:0", ""},
		{"tcp4", "127.0.0.1:0", "127.0.0.1"},
		{"tcp4", "0.0.0.0:0", "127.0.0.1"},
		{"tcp", ":0", ""},
		{"tcp", ":0", "127.0.0.1"},
		{"tcp6", "[::1]:0", ""},
		{"tcp6", "[::1]:0", "::1"},
		{"udp4", "127.0.0.1:0", ""},
		{"udp4", "0.0.0.0:0", "127.0.0.1"},
		{"udp6", "[::1]:0", "::1"},
	} {
		t.Run(c.network+" "+c.addr+" for "+c.hostIP, func(t *testing.T) {
			p := project.Port{Target: 80, Protocol: c.network[:3], HostIP: c.hostIP, Published: listen(t, c.network, c.addr)}
			got, held, err := ports.Holder(p)
			if err != nil || !held || got != self(t) {
				t.Errorf("Holder(%s) = %q, %v, %v, want %q", p, got, held, err, self(t))
			}
		})
	}
}

func TestAFreePortHasNoHolder(t *testing.T) {
	taken := listen(t, "tcp4", "127.0.0.1:0")
	for what, p := range map[string]project.Port{
		"another protocol":    {Protocol: "udp", HostIP: "127.0.0.1", Published: taken},
		"another address":     {Protocol: "tcp", HostIP: "127.0.0.2", Published: taken},
		"another family":      {Protocol: "tcp", HostIP: "::1", Published: taken},
		"still to be chosen":  {Protocol: "tcp"},
		"a v4 address as v6":  {Protocol: "udp", HostIP: "::ffff:127.0.0.1", Published: taken},
		"the loopback family": {Protocol: "tcp", HostIP: "127.0.0.3", Published: taken},
	} {
		if who, held, err := ports.Holder(p); held || err != nil && p.HostIP != "::1" {
			t.Errorf("%s: held by %q (%v)", what, who, err)
		}
	}
}

func TestARangeIsHeldWhenAllOfItIs(t *testing.T) {
	number := listen(t, "tcp4", "127.0.0.1:0")
	p := project.Port{Target: 80, Protocol: "tcp", HostIP: "127.0.0.1", Published: number, PublishedEnd: number}
	if who, held, err := ports.Holder(p); err != nil || !held || who != self(t) {
		t.Errorf("all of it: %q, %v, %v", who, held, err)
	}
	p.HostIP = "127.0.0.2" // where the port is free
	if who, held, err := ports.Holder(p); err != nil || held {
		t.Errorf("none of it: %q, %v, %v", who, held, err)
	}
	p.HostIP, p.PublishedEnd = "127.0.0.1", 65535
	if who, held, err := ports.Holder(p); err != nil || held {
		t.Errorf("the first of it: %q, %v, %v", who, held, err)
	}
}

// Where the kernel has no SCTP nobody holds a port of it.
func TestAPortOfSCTPIsNamedOrFree(t *testing.T) {
	p := project.Port{Target: 80, Protocol: "sctp", HostIP: "127.0.0.1", Published: listen(t, "tcp4", "127.0.0.1:0")}
	if who, held, err := ports.Holder(p); err != nil || held {
		t.Errorf("a free one: %q, %v, %v", who, held, err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	if err != nil {
		t.Skip("this kernel has no SCTP")
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(p.Published), Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	if who, held, err := ports.Holder(p); err != nil || !held || who != self(t) {
		t.Errorf("got %q, %v, %v", who, held, err)
	}
}

// A server that was just stopped leaves connections that linger.
func TestLingeringConnectionsDoNotHoldAPort(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s.Close() // the server first: it is the server's end that lingers
	c.Close()
	l.Close()
	p := project.Port{Protocol: "tcp", HostIP: "127.0.0.1", Published: uint16(l.Addr().(*net.TCPAddr).Port)}
	if who, held, err := ports.Holder(p); held || err != nil {
		t.Errorf("held by %q (%v)", who, err)
	}
}

func TestAnAddressOfAnotherHostIsAnError(t *testing.T) {
	_, held, err := ports.Holder(project.Port{Protocol: "tcp", HostIP: "203.0.113.9", Published: 8080, Target: 80})
	if held || err == nil || !strings.Contains(err.Error(), "203.0.113.9") {
		t.Errorf("held %v, %v: want an error that names the address", held, err)
	}
}
