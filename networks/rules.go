package networks

import (
	"net/netip"
	"os"
	"strings"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/nft"
)

// rewriteRules replaces the ruleset by what the records say; without any
// network there is none. It needs the lock on rules.
func (n *Networks) rewriteRules() error {
	r, err := n.wantedRules()
	if err != nil {
		return err
	}
	if len(r.Networks) == 0 && r.Closed == nil && r.Closed6 == nil {
		return n.rules.Remove()
	}
	return n.rules.Replace(r)
}

// wantedRules is what the records say.
func (n *Networks) wantedRules() (nft.Rules, error) {
	records, err := n.readAll()
	if err != nil {
		return nft.Rules{}, err
	}
	f, err := n.forwarding()
	if err != nil {
		return nft.Rules{}, err
	}
	r := nft.Rules{Closed: f.Links, Closed6: f.Links6}
	if r.Engines, err = engineBridges(); err != nil {
		return nft.Rules{}, err
	}
	for _, record := range records {
		if record.bridged() {
			r.Networks = append(r.Networks, ruled(record))
		}
	}
	es, err := n.endpoints()
	if err != nil {
		return nft.Rules{}, err
	}
	r.Mappings = allMappings(es)
	return r, nil
}

// engineBridge tells whether Docker Engine calls its bridges so.
func engineBridge(link string) bool {
	id, ok := strings.CutPrefix(link, "br-")
	return link == "docker0" || link == "docker_gwbridge" || ok && len(id) == 12 && strings.Trim(id, "0123456789abcdef") == ""
}

// engineBridges returns the bridges of other engines.
func engineBridges() ([]string, error) {
	entries, err := os.ReadDir("/proc/sys/net/ipv4/conf") // of the calling thread's namespace
	var names []string
	for _, e := range entries {
		if engineBridge(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// ruled is the network as the rules need to know it.
func ruled(r Record) nft.Network {
	out := nft.Network{Bridge: r.Link, Internal: r.Internal, Isolated: !option(r.Network, optICC, true)}
	for _, p := range r.Pools {
		out.Subnets = append(out.Subnets, p.Subnet)
		// Global addresses of IPv6 need no others in their place.
		if option(r.Network, optMasquerade, true) && !r.Internal && (p.Subnet.Addr().Is4() || p.Subnet.Addr().IsPrivate()) {
			out.Masquerade = append(out.Masquerade, p.Subnet)
		}
	}
	if a, err := netip.ParseAddr(r.Options[optHostIPv4]); err == nil {
		out.Source = a
	}
	return out
}

// allMappings is what the ports of all mean. A port that two services have, which
// cannot be, belongs to the first.
func allMappings(es []endpoint.Endpoint) []nft.Mapping {
	all := sharersOf(es)
	ms := make([]nft.Mapping, 0, len(all))
	for key, list := range all {
		ms = append(ms, nft.Mapping{Key: key, To: all.targets(key, *list[0].endpoint)})
	}
	return ms
}

// intact tells whether the ruleset is what the records say.
func (n *Networks) intact() (bool, error) {
	r, err := n.wantedRules()
	if err != nil {
		return false, err
	}
	if len(r.Networks) == 0 {
		return true, nil
	}
	return n.rules.Intact(r)
}
