package project

import (
	"cmp"
	"fmt"
	"net/netip"
)

// Port is one published port.
type Port struct {
	Target   uint16 `json:"target"`
	Protocol string `json:"protocol"` // "tcp" or "udp"
	// HostIP is empty for every address of the host, v4 and v6.
	HostIP string `json:"hostIP,omitempty"`
	// Published is 0 for any free port, chosen anew at each start.
	Published uint16 `json:"published,omitempty"`
}

// String returns "127.0.0.1:8080->80/tcp".
func (p Port) String() string {
	host := ""
	switch {
	case p.HostIP != "" && p.Published != 0:
		host = fmt.Sprintf("%s:%d->", p.HostIP, p.Published)
	case p.HostIP != "":
		host = p.HostIP + "->"
	case p.Published != 0:
		host = fmt.Sprintf("%d->", p.Published)
	}
	return fmt.Sprintf("%s%d/%s", host, p.Target, p.Protocol)
}

// Overlaps tells whether the host ports of p and q are fixed and cannot be bound
// side by side.
func (p Port) Overlaps(q Port) bool {
	if p.Published == 0 || p.Published != q.Published || cmp.Or(p.Protocol, "tcp") != cmp.Or(q.Protocol, "tcp") {
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
