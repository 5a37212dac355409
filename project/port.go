package project

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// Port is one published port.
type Port struct {
	Target   uint16 `json:"target"`
	Protocol string `json:"protocol"` // "tcp", "udp" or "sctp"
	// HostIP is empty for every address of the host, v4 and v6.
	HostIP string `json:"hostIP,omitempty"`
	// Published is 0 for any free port, chosen anew at each start.
	Published uint16 `json:"published,omitempty"`
	// PublishedEnd is the last of a range that begins with Published, and of which
	// the first free port is chosen at each start; 0: there is no choice.
	PublishedEnd uint16 `json:"publishedEnd,omitempty"`
}

// Fixed tells whether there is one host port that it has to be.
func (p Port) Fixed() bool { return p.Published != 0 && p.PublishedEnd == 0 }

// String returns "127.0.0.1:8080->80/tcp".
func (p Port) String() string {
	number := ""
	switch {
	case p.PublishedEnd != 0:
		number = fmt.Sprintf("%d-%d", p.Published, p.PublishedEnd)
	case p.Published != 0:
		number = fmt.Sprint(p.Published)
	}
	host := p.HostIP
	if host != "" && number != "" {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		host += ":"
	}
	if host += number; host != "" {
		host += "->"
	}
	return fmt.Sprintf("%s%d/%s", host, p.Target, p.Protocol)
}

// Overlaps tells whether the host ports of p and q are fixed and cannot be bound
// side by side.
func (p Port) Overlaps(q Port) bool {
	if !p.Fixed() || !q.Fixed() || p.Published != q.Published || cmp.Or(p.Protocol, "tcp") != cmp.Or(q.Protocol, "tcp") {
		return false
	}
	if p.HostIP == "" || q.HostIP == "" {
		return true
	}
	a, errA := netip.ParseAddr(p.HostIP)
	b, errB := netip.ParseAddr(q.HostIP)
	if errA != nil || errB != nil {
		return p.HostIP == q.HostIP
	}
	a, b = a.Unmap(), b.Unmap()
	return a.Is4() == b.Is4() && (a == b || a.IsUnspecified() || b.IsUnspecified())
}
