package dns

import (
	"io/fs"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// maxUpstreams is how many name servers of resolv.conf count, as in
// resolv.conf(5).
const maxUpstreams = 3

// containerResolver is where containers find us. Asking it for what we do not
// know would be asking ourselves.
var containerResolver = netip.AddrFrom4([4]byte{127, 0, 0, 11})

// ResolvConf is the list of name servers in a resolv.conf(5), read again when
// the file has changed: a VPN that comes up changes it at any time.
type ResolvConf struct {
	path string

	mu      sync.Mutex
	read    stamp
	servers []netip.AddrPort
}

// stamp tells one version of a file from another.
type stamp struct {
	modified time.Time
	size     int64
}

// NewResolvConf returns the list in the file at path, usually
// "/etc/resolv.conf". It need not exist.
func NewResolvConf(path string) *ResolvConf { return &ResolvConf{path: path} }

// Servers returns at most three name servers. A missing file is an empty list.
func (r *ResolvConf) Servers() ([]netip.AddrPort, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := os.Stat(r.path)
	if os.IsNotExist(err) {
		r.read, r.servers = stamp{}, nil
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now := stampOf(info)
	if now == r.read {
		return r.servers, nil
	}
	f, err := os.Open(r.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	config, err := dns.ClientConfigFromReader(f)
	if err != nil {
		return nil, err
	}
	r.read, r.servers = now, usable(config.Servers)
	return r.servers, nil
}

func stampOf(info fs.FileInfo) stamp { return stamp{info.ModTime(), info.Size()} }

func usable(servers []string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, s := range servers {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Unmap() == containerResolver || len(out) == maxUpstreams {
			continue // resolv.conf(5): what is not understood is skipped
		}
		out = append(out, netip.AddrPortFrom(addr, 53))
	}
	return out
}
