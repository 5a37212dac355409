// Package nft keeps our table in the kernel's packet filter: published ports,
// masquerading, and what keeps one network from another.
//
// It is all that knows of the nftables library and of the kernel's language of
// rules. IPv4 only, as networks are; kernel 5.7 or newer, for the incoming link
// to be known in postrouting.
package nft

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ErrNoTable: our table, or a part of it, is not there.
var ErrNoTable = errors.New("no nftables table of ours")

// Table is one table of the kernel's packet filter, ours alone. It is always
// replaced as a whole, save for the maps of published ports. Its methods may be
// called from many goroutines; processes that change one table must take turns.
type Table struct {
	name string

	mu   sync.Mutex
	conn *nftables.Conn // nil until needed
}

// New returns the table of that name. Nothing is touched before it is used.
func New(name string) *Table { return &Table{name: name} }

// Name returns the table's name; its family is inet.
func (t *Table) Name() string { return t.name }

// Network is what the rules need to know of a network.
type Network struct {
	Bridge string // the link's name
	Subnet netip.Prefix
}

// Mapping is one published port: packets to Host:Port go to To.
type Mapping struct {
	Proto uint8      // IPPROTO_TCP or IPPROTO_UDP
	Host  netip.Addr // 0.0.0.0: every address of this host
	Port  uint16
	To    netip.AddrPort
}

// Clashes: one host port cannot be both.
func (m Mapping) Clashes(o Mapping) bool {
	return m.Proto == o.Proto && m.Host == o.Host && m.Port == o.Port
}

// socketBuffer is for a transaction of some thousand ports.
const socketBuffer = 4 << 20

// open returns a connection to the packet filter of the calling thread's
// namespace. It stays with that namespace.
func open() (*nftables.Conn, error) {
	c, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(s *netlink.Conn) error {
		return errors.Join(s.SetReadBuffer(socketBuffer), s.SetWriteBuffer(socketBuffer))
	}))
	if err != nil {
		return nil, fmt.Errorf("opening nftables: %w", err)
	}
	return c, nil
}

// use calls do with a connection that stays open: closing one waits until the
// kernel has cleaned up what was deleted, some 10 ms. After a failure answers
// may be left in it: then the next one is new.
func (t *Table) use(do func(c *nftables.Conn) error) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil {
		if t.conn, err = open(); err != nil {
			return err
		}
	}
	if err := do(t.conn); err != nil {
		return errors.Join(err, t.drop())
	}
	return nil
}

func (t *Table) drop() error {
	if t.conn == nil {
		return nil
	}
	c := t.conn
	t.conn = nil
	return c.CloseLasting()
}

// Close lets go of the connection to the kernel, if there is one. The table
// stays, and may be used again.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.drop()
}

func (t *Table) inet() *nftables.Table {
	return &nftables.Table{Name: t.name, Family: nftables.TableFamilyINet}
}

// transact sends what change has collected: all of it comes true, or nothing.
func (t *Table) transact(change func(c *nftables.Conn) error) error {
	return t.use(func(c *nftables.Conn) error { return transact(c, change) })
}

func transact(c *nftables.Conn, change func(c *nftables.Conn) error) error {
	err := change(c)
	if err == nil {
		err = c.Flush()
	}
	if err != nil {
		return fmt.Errorf("changing the nftables rules: %w", err)
	}
	return nil
}

// Replace puts a new table in the place of the old one, if there was one.
func (t *Table) Replace(networks []Network, ms []Mapping) error {
	return t.transact(func(c *nftables.Conn) error {
		table := c.AddTable(t.inet())
		c.DelTable(table)
		c.AddTable(table)
		s := sets(table)
		var names, pairs, members []nftables.SetElement
		for _, n := range networks {
			name := ifName(n.Bridge)
			names = append(names, nftables.SetElement{Key: name})
			pairs = append(pairs, nftables.SetElement{Key: slices.Concat(name, name)})
			members = append(members, nftables.SetElement{
				Key:    slices.Concat(name, n.Subnet.Masked().Addr().AsSlice()),
				KeyEnd: slices.Concat(name, last(n.Subnet)),
			})
		}
		if err := errors.Join(
			c.AddSet(s.bridges, names), c.AddSet(s.same, pairs), c.AddSet(s.members, members),
			c.AddSet(s.ports, nil), c.AddSet(s.portsOn, nil),
		); err != nil {
			return err
		}
		addRules(c, table, s)
		return s.each(ms, c.SetAddElements)
	})
}

// Remove removes the table. No table is no error.
func (t *Table) Remove() error {
	return t.transact(func(c *nftables.Conn) error {
		c.DelTable(c.AddTable(t.inet()))
		return nil
	})
}

// Holds tells whether the table is there and knows the bridge.
func (t *Table) Holds(bridge string) (is bool, err error) {
	err = t.use(func(c *nftables.Conn) error {
		es, err := elements(c, sets(t.inet()).bridges)
		is = slices.ContainsFunc(es, func(e nftables.SetElement) bool { return slices.Equal(e.Key, ifName(bridge)) })
		return err
	})
	if errors.Is(err, ErrNoTable) {
		return false, nil
	}
	return is, err
}

// Published returns what is mapped, or ErrNoTable.
func (t *Table) Published() (ms []Mapping, err error) {
	err = t.use(func(c *nftables.Conn) error {
		s := sets(t.inet())
		for _, set := range []*nftables.Set{s.ports, s.portsOn} {
			es, err := elements(c, set)
			if err != nil {
				return err
			}
			for _, e := range es {
				ms = append(ms, decode(e))
			}
		}
		return nil
	})
	return ms, err
}

func elements(c *nftables.Conn, s *nftables.Set) ([]nftables.SetElement, error) {
	// The library's answer about elements does not say that there is no set.
	_, err := c.GetSetByName(s.Table, s.Name)
	if errors.Is(err, unix.ENOENT) {
		return nil, ErrNoTable
	}
	if err == nil {
		var es []nftables.SetElement
		if es, err = c.GetSetElements(s); err == nil {
			return es, nil
		}
	}
	return nil, fmt.Errorf("reading the nftables set %s: %w", s.Name, err)
}

// Change takes mappings away, which must be there, and adds others, at once.
func (t *Table) Change(drop, add []Mapping) error {
	if len(drop) == 0 && len(add) == 0 {
		return nil
	}
	return t.transact(func(c *nftables.Conn) error {
		s := sets(t.inet())
		return errors.Join(s.each(drop, c.SetDeleteElements), s.each(add, c.SetAddElements))
	})
}
