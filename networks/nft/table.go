// Package nft keeps our table in the kernel's packet filter: published ports,
// masquerading, and what keeps one network from another.
//
// It is all that knows of the nftables library and of the kernel's language of
// rules. Kernel 5.7 or newer, for the incoming link to be known in postrouting.
package nft

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
)

// ErrNoTable: our table, or a part of it, is not there.
var ErrNoTable = errors.New("no nftables table of ours")

// Table is one table of the kernel's packet filter, ours alone. What is to be in
// its sets and maps changes while packets pass; the table itself is made anew only
// when it is not as it should be. Its methods may be called from many goroutines;
// processes that change one table must take turns.
type Table struct {
	name string

	mu   sync.Mutex
	conn *conn // nil until needed
}

// conn is one socket: the library writes to it and we read from it. The
// library does not read all that we need, nor says so when what it read changed
// meanwhile.
type conn struct {
	*nftables.Conn
	raw *netlink.Conn
}

// New returns the table of that name. Nothing is touched before it is used.
func New(name string) *Table { return &Table{name: name} }

// Name returns the table's name; its family is inet.
func (t *Table) Name() string { return t.name }

// socketBuffer is for a transaction of some thousand ports.
const socketBuffer = 4 << 20

// open returns a connection to the packet filter of the calling thread's
// namespace. It stays with that namespace.
func open() (*conn, error) {
	c := &conn{}
	var err error
	c.Conn, err = nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(s *netlink.Conn) error {
		c.raw = s
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
func (t *Table) use(do func(c *conn) error) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil {
		if t.conn, err = open(); err != nil {
			return err
		}
	}
	if err := do(t.conn); errors.Is(err, ErrNoTable) {
		return err // one answer, which was read
	} else if err != nil {
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
	return t.use(func(c *conn) error { return transact(c.Conn, change) })
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

// Replace makes the table what r says. Of one that is there as it should be only
// elements are changed, which no packet notices: one that is on its way through a
// table which is taken away is dropped.
func (t *Table) Replace(r Rules) error {
	if err := r.check(); err != nil {
		return err
	}
	has, err := t.found()
	if err != nil && !errors.Is(err, ErrNoTable) {
		return err
	}
	if err == nil && has.sound && t.amend(has, r) == nil {
		return nil // else somebody has changed it since
	}
	return t.rebuild(r)
}

// amend changes what is in the sets and maps.
func (t *Table) amend(has found, r Rules) error {
	drop, add := changes(has.mappings, r.Mappings)
	gone, come := difference(has.links, has.sets.links(r))
	if len(drop)+len(add)+len(gone)+len(come) == 0 {
		return nil
	}
	return t.transact(func(c *nftables.Conn) error {
		if err := each(gone, c.SetDeleteElements); err != nil {
			return err
		}
		if err := t.change(c, drop, add); err != nil {
			return err
		}
		return each(come, c.SetAddElements)
	})
}

// changes returns the mappings that are in have only, and those in want only.
func changes(have, want []Mapping) (drop, add []Mapping) {
	return without(have, want), without(want, have)
}

func without(ms, others []Mapping) []Mapping {
	by := make(map[Key]Mapping, len(others))
	for _, m := range others {
		by[m.Key] = m
	}
	return slices.DeleteFunc(slices.Clone(ms), func(m Mapping) bool {
		other, is := by[m.Key]
		return is && m.Equal(other)
	})
}

// rebuild puts a new table in the place of the old one, if there was one.
func (t *Table) rebuild(r Rules) error {
	return t.transact(func(c *nftables.Conn) error {
		table := c.AddTable(t.inet())
		c.DelTable(table)
		c.AddTable(table)
		s := sets(table)
		for _, set := range s.all {
			if err := c.AddSet(set, nil); err != nil {
				return err
			}
		}
		for _, chain := range chains(s, r.Mappings) {
			addChain(c, table, chain)
		}
		return each(s.entries(r), c.SetAddElements)
	})
}

// addChain adds the chain, if it is not there, and to its rules.
func addChain(c *nftables.Conn, t *nftables.Table, is *chain) {
	in := c.AddChain(is.in(t))
	for _, rule := range is.rules {
		c.AddRule(&nftables.Rule{Table: t, Chain: in, Exprs: rule})
	}
}

// Remove removes the table. No table is no error.
func (t *Table) Remove() error {
	return t.transact(func(c *nftables.Conn) error {
		c.DelTable(c.AddTable(t.inet()))
		return nil
	})
}

// Change takes mappings away, which must be there as Published returned them,
// and adds others, at once: a port that is in both has a target all the time. One
// that is to be added and is there must be in both.
func (t *Table) Change(drop, add []Mapping) error {
	if len(drop) == 0 && len(add) == 0 {
		return nil
	}
	if err := errors.Join(checkAll(drop), checkAll(add)); err != nil {
		return err
	}
	return t.transact(func(c *nftables.Conn) error { return t.change(c, drop, add) })
}

func (t *Table) change(c *nftables.Conn, drop, add []Mapping) error {
	table := t.inet()
	s := sets(table)
	gone, come := difference(s.ports(drop), s.ports(add))
	had, wanted := balanced(drop), balanced(add)
	for key, m := range wanted {
		if old, is := had[key]; is && len(old.To) != len(m.To) {
			c.FlushChain(balancer(s, m).in(table))
		} else if is {
			continue
		}
		addChain(c, table, balancer(s, m))
	}
	if err := each(gone, c.SetDeleteElements); err != nil {
		return err
	}
	for key, m := range had {
		if _, is := wanted[key]; !is {
			chain := balancer(s, m).in(table)
			c.FlushChain(chain)
			c.DelChain(chain)
		}
	}
	return each(come, c.SetAddElements)
}

// balanced returns those that have a chain.
func balanced(ms []Mapping) map[Key]Mapping {
	by := map[Key]Mapping{}
	for _, m := range ms {
		if m.balanced() {
			by[m.Key] = m
		}
	}
	return by
}

// difference returns what is in have only, and what in want only.
func difference(have, want []entry) (gone, come []entry) {
	was, stays := make(map[string]string, len(have)), make(map[string]bool, len(have))
	for _, e := range have {
		was[e.id()] = e.value()
	}
	for _, e := range want {
		if value, is := was[e.id()]; is && value == e.value() {
			stays[e.id()] = true
		} else {
			come = append(come, e)
		}
	}
	gone = slices.DeleteFunc(slices.Clone(have), func(e entry) bool { return stays[e.id()] })
	return gone, come
}
