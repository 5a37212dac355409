package networks

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/internal/atomicfile"
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

const (
	maxName = 200
	suffix  = ".json"
)

func checkName(name string) error {
	if !validName.MatchString(name) || len(name) > maxName {
		return fmt.Errorf("invalid network name %q: letters, digits, _ . - only, a letter or digit first, %d at most", name, maxName)
	}
	return nil
}

func (n *Networks) recordPath(name string) string {
	return filepath.Join(n.paths.Networks(), name+suffix)
}

func (n *Networks) leasesPath(name string) string {
	return filepath.Join(n.paths.Addresses(), name+suffix)
}

func (n *Networks) lockPath(name string) string { return filepath.Join(n.paths.Locks(), name) }

func (n *Networks) read(name string) (Record, error) {
	if err := checkName(name); err != nil {
		return Record{}, err
	}
	data, err := os.ReadFile(n.recordPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, fmt.Errorf("network %q: %w", name, ErrNotFound)
	}
	if err != nil {
		return Record{}, err
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, fmt.Errorf("reading the record of network %q: %w", name, err)
	}
	return r, nil
}

func (n *Networks) readAll() ([]Record, error) {
	names, err := stems(n.paths.Networks())
	if err != nil {
		return nil, err
	}
	var rs []Record
	for _, name := range names {
		r, err := n.read(name)
		if errors.Is(err, ErrNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		rs = append(rs, r)
	}
	slices.SortFunc(rs, func(a, b Record) int { return cmp.Compare(a.Name, b.Name) })
	return rs, nil
}

func (n *Networks) write(r Record) error {
	return atomicfile.WriteJSON(n.recordPath(r.Name), r)
}

// forget removes the network's record and its table of addresses.
func (n *Networks) forget(name string) error {
	for _, path := range []string{n.recordPath(name), n.leasesPath(name)} {
		if err := atomicfile.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// stems returns the names of the JSON files in dir, without their endings.
func stems(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && checkName(name) == nil {
			names = append(names, name)
		}
	}
	return names, nil
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
