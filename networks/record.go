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
	"time"

	"github.com/gocompose/gocompose/internal/jsondir"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
)

// Record is one network that exists.
type Record struct {
	project.Network
	Subnet    netip.Prefix `json:"subnet"`
	Gateway   netip.Addr   `json:"gateway"` // the bridge's own address
	Bridge    string       `json:"bridge"`  // the link's name
	CreatedAt time.Time    `json:"createdAt"`
}

// validName is Docker's rule for names: no name of a network is a path.
var validName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

const maxName = 200

func checkName(name string) error {
	if !validName.MatchString(name) || len(name) > maxName {
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

func (n *Networks) bridgeName(network string) string {
	return "gc-" + paths.Short(network+"\x00"+n.paths.State)
}

// hostLinkName is the name of the host's end of interface i of a container. It
// has more digits than that of a bridge, for there are more of them.
func (n *Networks) hostLinkName(id string, i int) string {
	sum := sha256.Sum256([]byte(id + "\x00" + n.paths.State))
	return fmt.Sprintf("gc%x-%d", sum[:5], i)
}
