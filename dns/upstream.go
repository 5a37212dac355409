package dns

import (
	"io/fs"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// maxUpstreams is how many name servers of resolv.conf count, as in
// resolv.conf(5).
const maxUpstreams = 3

// port is where name servers listen.
const port = 53

// localServer is the one that is meant where a resolv.conf names none
// (resolv.conf(5)).
var localServer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)

// ResolvConf is the list of name servers in a resolv.conf(5), read again when
// the file has changed: a VPN that comes up changes it at any time. 127.0.0.11 is
// a server like any other: whose host is itself a container has it there.
type ResolvConf struct {
	path string

	mu      sync.Mutex
	read    stamp
	servers []netip.AddrPort
}

// stamp tells one version of a file from another. The times alone do not: what
// is put back from a copy may have those of the copy.
type stamp struct {
	modified time.Time
	size     int64
	inode    uint64
	changed  syscall.Timespec
}

// NewResolvConf returns the list in the file at path, usually
// "/etc/resolv.conf". It need not exist.
func NewResolvConf(path string) *ResolvConf { return &ResolvConf{path: path} }

// Servers returns at most three name servers. Without a file, or any in it, it is
// the local one.
func (r *ResolvConf) Servers() ([]netip.AddrPort, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := os.Stat(r.path)
	if os.IsNotExist(err) {
		r.read = stamp{}
		return []netip.AddrPort{localServer}, nil
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

func stampOf(info fs.FileInfo) stamp {
	s := stamp{modified: info.ModTime(), size: info.Size()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode, s.changed = sys.Ino, sys.Ctim
	}
	return s
}

func usable(servers []string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, s := range servers {
		addr, err := netip.ParseAddr(s)
		if err != nil || len(out) == maxUpstreams {
			continue // resolv.conf(5): what is not understood is skipped
		}
		out = append(out, netip.AddrPortFrom(addr, port))
	}
	if len(out) == 0 {
		out = append(out, localServer)
	}
	return out
}
