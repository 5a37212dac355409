package ports

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// A table of a kernel with SCTP: a socket of two addresses, one of every
// address of IPv6, one of IPv6.
const eps = ` ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS
0000000000000000 0000000000000000 2   10  29   7777      0 35214 127.0.0.1 192.0.2.7 
0000000000000000 0000000000000000 2   10  63   65535  1000 35215 0000:0000:0000:0000:0000:0000:0000:0000 
0000000000000000 0000000000000000 0   10  63   80     1000 35216 2001:0db8:0000:0000:0000:0000:0000:0001 
`

func TestTheTableOfSCTPSocketsIsRead(t *testing.T) {
	got := ""
	for _, s := range parseSCTP(strings.NewReader(eps)) {
		got += fmt.Sprintf("%s %s, ", s.at, s.inode)
	}
	if want := "127.0.0.1:7777 35214, 192.0.2.7:7777 35214, [::]:65535 35215, [2001:db8::1]:80 35216, "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := parseSCTP(strings.NewReader("a b c\n1 2 3 4 5 70000 7 8 9.9.9.9\n1 2 3 4 5 80 7 8 nonsense\n")); len(got) > 0 {
		t.Errorf("nonsense is %v", got)
	}
}

func TestBothWaysToAskForListenersAgree(t *testing.T) {
	for _, at := range []struct{ network, addr string }{{"tcp4", "127.0.0.1:0"}, {"tcp4", ":0"}, {"tcp", ":0"}, {"tcp6", "[::1]:0"}} {
		l, err := net.Listen(at.network, at.addr)
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		want := netip.MustParseAddrPort(l.Addr().String())
		for how, all := range map[string][]netip.AddrPort{"netlink": listeners(), "/proc": tabled()} {
			if !slices.Contains(all, want) {
				t.Errorf("%s: %s is not among %v", how, want, all)
			}
		}
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	local := netip.MustParseAddrPort(c.LocalAddr().String())
	for how, all := range map[string][]netip.AddrPort{"netlink": listeners(), "/proc": tabled()} {
		if slices.Contains(all, local) {
			t.Errorf("%s: a connection is taken for a listener", how)
		}
	}
}

func TestWhoListensForOthersIsTold(t *testing.T) {
	var all []netip.AddrPort
	for _, at := range []string{"0.0.0.0:80", "172.24.0.2:443", "127.0.0.1:8080", "[::]:81", "[::1]:8081"} {
		all = append(all, netip.MustParseAddrPort(at))
	}
	for _, c := range []struct {
		ports []uint16
		want  bool
	}{
		{nil, true}, {[]uint16{80}, true}, {[]uint16{443, 80, 81}, true}, {[]uint16{80, 82}, false},
		{[]uint16{8080}, false}, {[]uint16{8081}, false}, // on its loopback only
	} {
		if got := answered(all, c.ports); got != c.want {
			t.Errorf("%v: %v, want %v", c.ports, got, c.want)
		}
	}
}
