package networks

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/gocompose/gocompose/internal/jsondir"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
)

// Record is one network that exists.
type Record struct {
	project.Network
	// Pools are the subnets it has got: those that were asked for, in their order,
	// and one that was free for a family without any.
	Pools []Pool `json:"pools"`
	// Link is the name of the link of the host that its containers are joined to:
	// a bridge, or the parent of a macvlan or ipvlan network.
	Link string `json:"link"`
	// Made: the parent is a link that was made for the network.
	Made      bool      `json:"made,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
}

// Pool is one subnet of a network.
type Pool struct {
	Subnet  netip.Prefix `json:"subnet"`
	Gateway netip.Addr   `json:"gateway,omitzero"` // of a bridge: its own address
	// Range is the part of the subnet that addresses are given out from.
	Range    netip.Prefix `json:"range"`
	Reserved []netip.Addr `json:"reserved,omitempty"` // never given out
}

// bridged tells whether the network is a bridge of this host, and not a share of
// one of its links.
func (r Record) bridged() bool { return r.Driver == "" || r.Driver == project.DriverBridge }

// families are those that the network has.
func (r Record) families() []family {
	var out []family
	for _, f := range []family{ipv4, ipv6} {
		if len(r.pools(f)) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// pools returns the subnets of one family.
func (r Record) pools(f family) []Pool {
	var out []Pool
	for _, p := range r.Pools {
		if familyOf(p.Subnet.Addr()) == f {
			out = append(out, p)
		}
	}
	return out
}

// pool returns the subnet that the address lies in.
func (r Record) pool(a netip.Addr) (Pool, bool) {
	i := slices.IndexFunc(r.Pools, func(p Pool) bool { return p.Subnet.Contains(a) })
	if i < 0 {
		return Pool{}, false
	}
	return r.Pools[i], true
}

// family is one of the two kinds of addresses.
type family int

const (
	ipv4 family = 4
	ipv6 family = 6
)

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

func (f family) String() string { return fmt.Sprintf("IPv%d", int(f)) }

// validName is Docker's rule for names: no name of a network is a path.
var validName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`) })

const maxName = 200

func checkName(name string) error {
	if !validName().MatchString(name) || len(name) > maxName {
		return fmt.Errorf("invalid network name %q: letters, digits, _ . - only, a letter or digit first, %d at most", name, maxName)
	}
	return nil
}

func (n *Networks) records() jsondir.Dir[Record] {
	return jsondir.Dir[Record]{Path: n.paths.Networks(), Check: checkName}
}

func (n *Networks) lockPath(name string) string { return filepath.Join(n.paths.Locks(), name) }

func (n *Networks) read(name string) (Record, error) {
	r, err := n.records().Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, fmt.Errorf("network %q: %w", name, ErrNotFound)
	}
	return r, err
}

func (n *Networks) readAll() ([]Record, error) {
	rs, err := n.records().List()
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rs, func(a, b Record) int { return cmp.Compare(a.Name, b.Name) })
	return rs, nil
}

func (n *Networks) write(r Record) error { return n.records().WriteDurable(r.Name, r) }

// forget removes the network's record and its table of addresses.
func (n *Networks) forget(name string) error {
	if err := n.records().Remove(name); err != nil {
		return err
	}
	return n.tables().Remove(name)
}

// Names in the kernel belong to the layout: another one's never clash with
// them. Names of links have 15 bytes at most (IFNAMSIZ).

func tableName(p paths.Paths) string {
	if p.State == paths.DefaultState {
		return "gocompose"
	}
	return "gocompose-" + paths.Short(p.State)
}

// BridgePrefix begins the names of our bridges, of whatever layout, but for those
// that users name, which have bridgeAlias; ourLinks those of all our links.
const (
	BridgePrefix = "gc-"
	ourLinks     = "gc"
	bridgeAlias  = "gocompose"
)

func (n *Networks) bridgeName(network string) string {
	return BridgePrefix + paths.Short(network+"\x00"+n.paths.State)
}

// hostLinkName is the name of the host's end of interface i of a container. It
// has more digits than that of a bridge, for there are more of them.
func (n *Networks) hostLinkName(id string, i int) string {
	sum := sha256.Sum256([]byte(id + "\x00" + n.paths.State))
	return fmt.Sprintf("gc%x-%d", sum[:5], i)
}
