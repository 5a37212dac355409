package host

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
)

func TestHostGatewayIsNoRouterOfTheLAN(t *testing.T) {
	p := paths.Paths{Root: t.TempDir(), State: t.TempDir()}
	for name, gateway := range map[string]string{"lan": "10.99.0.1", "back": "172.24.0.1"} {
		record := `{"name": "` + name + `", "pools": [{"subnet": "` + gateway + `/24", "gateway": "` + gateway + `", "range": "` + gateway + `/24"}]}`
		if err := os.MkdirAll(p.Networks(), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.Networks(), name+".json"), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n, err := networks.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	h := &Host{networks: n}
	lan := endpoint.Interface{Network: "lan", Gateway: netip.MustParseAddr("10.99.0.1"), Default: true, Apart: true}
	internal := endpoint.Interface{Network: "back"} // it has no way out, and reaches the host all the same
	for want, is := range map[string][]endpoint.Interface{
		"invalid IP": {lan}, "172.24.0.1": {lan, internal},
	} {
		if got, err := h.gateway(t.Context(), endpoint.Endpoint{Interfaces: is}); err != nil || got.String() != want {
			t.Errorf("on %d networks it is %s (%v), want %s", len(is), got, err, want)
		}
	}
}
