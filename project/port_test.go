package project_test

import (
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestAPortReadsAsItIsWritten(t *testing.T) {
	for want, p := range map[string]project.Port{
		"80/tcp":                      {Target: 80, Protocol: "tcp"},
		"8080->80/tcp":                {Target: 80, Protocol: "tcp", Published: 8080},
		"8080-8090->80/sctp":          {Target: 80, Protocol: "sctp", Published: 8080, PublishedEnd: 8090},
		"127.0.0.1->53/udp":           {Target: 53, Protocol: "udp", HostIP: "127.0.0.1"},
		"127.0.0.1:8080-8090->80/tcp": {Target: 80, Protocol: "tcp", HostIP: "127.0.0.1", Published: 8080, PublishedEnd: 8090},
		"[::1]:8080->80/tcp":          {Target: 80, Protocol: "tcp", HostIP: "::1", Published: 8080},
	} {
		if got := p.String(); got != want {
			t.Errorf("%+v reads as %s, want %s", p, got, want)
		}
	}
}

func TestOnlyPortsThatHaveToBeTheSameOverlap(t *testing.T) {
	at := func(hostIP string, first, last uint16, protocol string) project.Port {
		return project.Port{Target: 80, Protocol: protocol, HostIP: hostIP, Published: first, PublishedEnd: last}
	}
	fixed := at("", 80, 0, "tcp")
	for name, c := range map[string]struct {
		a, b project.Port
		want bool
	}{
		"the same":                          {fixed, fixed, true},
		"of another protocol":               {fixed, at("", 80, 0, "sctp"), false},
		"of no protocol, which is tcp":      {fixed, at("", 80, 0, ""), true},
		"of one address and all":            {fixed, at("127.0.0.1", 80, 0, "tcp"), true},
		"of two addresses":                  {at("127.0.0.2", 80, 0, "tcp"), at("127.0.0.1", 80, 0, "tcp"), false},
		"of all of IPv4 and one":            {at("0.0.0.0", 80, 0, "tcp"), at("127.0.0.1", 80, 0, "tcp"), true},
		"of two families":                   {at("::", 80, 0, "tcp"), at("127.0.0.1", 80, 0, "tcp"), false},
		"of a range, which can give way":    {fixed, at("", 80, 90, "tcp"), false},
		"of the same range":                 {at("", 80, 90, "tcp"), at("", 80, 90, "tcp"), false},
		"any free one, which is never held": {at("", 0, 0, "tcp"), at("", 0, 0, "tcp"), false},
	} {
		if c.a.Overlaps(c.b) != c.want || c.b.Overlaps(c.a) != c.want {
			t.Errorf("%s: want overlapping %v", name, c.want)
		}
	}
}

func TestANetworkModeNamesWhoSharesItsNamespace(t *testing.T) {
	for mode, want := range map[project.NetworkMode][2]string{
		project.ModeNetworks: {"", ""},
		project.ModeHost:     {"", ""},
		"service:web":        {"web", ""},
		"container:shop-db":  {"", "shop-db"},
	} {
		if got := [2]string{mode.SharedService(), mode.SharedContainer()}; got != want {
			t.Errorf("%q shares with %q, want %q", mode, got, want)
		}
	}
}
