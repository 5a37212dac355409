package nft

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

func TestAMappingIsReadBackFromTheKernelsForm(t *testing.T) {
	for _, host := range []string{"0.0.0.0", "127.0.0.1", "192.0.2.7"} {
		m := Mapping{
			Proto: unix.IPPROTO_UDP, Host: netip.MustParseAddr(host), Port: 53000,
			To: netip.MustParseAddrPort("172.24.0.2:53"),
		}
		if got := decode(m.encode()); got != m {
			t.Errorf("%v is read back as %v", m, got)
		}
	}
}

func TestElementsGoOutInMessagesThatFit(t *testing.T) {
	var ms []Mapping
	for i := range 1000 {
		ms = append(ms, Mapping{Host: netip.IPv4Unspecified(), Port: uint16(i), To: netip.MustParseAddrPort("172.24.0.2:80")})
	}
	var sizes []int
	err := sets(&nftables.Table{}).each(ms, func(s *nftables.Set, es []nftables.SetElement) error {
		if s.Name != mapPorts {
			t.Errorf("elements of every address go to %s", s.Name)
		}
		sizes = append(sizes, len(es))
		return nil
	})
	if err != nil || !slices.Equal(sizes, []int{256, 256, 256, 232}) {
		t.Errorf("messages of %v elements (%v)", sizes, err)
	}
}

func TestTheLastAddressOfASubnet(t *testing.T) {
	for prefix, want := range map[string]string{
		"172.24.4.0/22": "172.24.7.255", "172.24.4.9/22": "172.24.7.255", "10.0.0.0/8": "10.255.255.255", "192.0.2.1/32": "192.0.2.1",
	} {
		if got, _ := netip.AddrFromSlice(last(netip.MustParsePrefix(prefix))); got.String() != want {
			t.Errorf("last(%s) = %s, want %s", prefix, got, want)
		}
	}
}
