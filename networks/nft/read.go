package nft

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// patience is how often what is read is read anew, because somebody changed the
// ruleset meanwhile.
const patience = 50

// read calls do until nobody changes the ruleset while it reads.
func (t *Table) read(do func(c *conn) error) error {
	return t.use(func(c *conn) error {
		for range patience {
			before, err := c.generation()
			if err != nil {
				return err
			}
			failed := do(c)
			if failed != nil && !errors.Is(failed, ErrNoTable) {
				return failed
			}
			if after, err := c.generation(); err != nil || after == before {
				return errors.Join(err, failed)
			}
		}
		return fmt.Errorf("reading the nftables rules: they were changed %d times meanwhile; try again later", patience)
	})
}

// Holds tells whether the table is there and knows the bridge.
func (t *Table) Holds(bridge string) (is bool, err error) {
	err = t.read(func(c *conn) error {
		es, err := c.elements(sets(t.inet()).bridges)
		is = slices.ContainsFunc(es, func(e element) bool { return bytes.Equal(e.key, ifName(bridge)) })
		return err
	})
	if errors.Is(err, ErrNoTable) {
		return false, nil
	}
	return is, err
}

// Published returns what is mapped, sorted, or ErrNoTable.
func (t *Table) Published() (ms []Mapping, err error) {
	err = t.read(func(c *conn) error {
		ms, err = c.published(sets(t.inet()))
		return err
	})
	return ms, err
}

func (c *conn) published(s tableSets) ([]Mapping, error) {
	to := map[Key][]netip.AddrPort{}
	for _, f := range s.families() {
		for set, tail := range map[*nftables.Set]int{f.ports: 0, f.portsOn: 0, f.slots: 4, f.slotsOn: 4} {
			es, err := c.elements(set)
			if err != nil {
				return nil, err
			}
			for _, e := range es {
				if err := e.addTo(to, f, tail); err != nil {
					return nil, fmt.Errorf("reading the nftables map %s: %w", set.Name, err)
				}
			}
		}
	}
	return collect(to), nil
}

// addTo adds the element's target to those of its port. Behind the key are tail
// bytes, the number of the slot.
func (e element) addTo(to map[Key][]netip.AddrPort, f family, tail int) error {
	key, okKey := decodeKey(e.key[:max(0, len(e.key)-tail)], f.anywhere)
	target, okTarget := decodeTarget([]byte(e.value))
	if !okKey || !okTarget {
		return fmt.Errorf("an element is not ours: % x : % x", e.key, e.value)
	}
	to[key] = append(to[key], target)
	return nil
}

// collect returns the mappings: who is there several times is one target.
func collect(to map[Key][]netip.AddrPort) []Mapping {
	ms := make([]Mapping, 0, len(to))
	for _, key := range slices.SortedFunc(maps.Keys(to), Key.compare) {
		targets := to[key]
		slices.SortFunc(targets, netip.AddrPort.Compare)
		ms = append(ms, Mapping{key, slices.Compact(targets)})
	}
	return ms
}

func (k Key) compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Proto, o.Proto), k.Host.Compare(o.Host), cmp.Compare(k.Port, o.Port))
}

// Intact tells whether the table is there as Replace would make it: all sets with
// these elements, all chains with as many rules, and in force. What a rule says is
// not compared: nobody changes one.
func (t *Table) Intact(r Rules) (bool, error) {
	if err := r.check(); err != nil {
		return false, err
	}
	has, err := t.found()
	if errors.Is(err, ErrNoTable) || err != nil || !has.sound {
		return false, ignoreNoTable(err)
	}
	gone, come := difference(has.entries(), sets(t.inet()).entries(r))
	return len(gone)+len(come) == 0, nil
}

func ignoreNoTable(err error) error {
	if errors.Is(err, ErrNoTable) {
		return nil
	}
	return err
}

// found is a table as it is there.
type found struct {
	// sound: it is in force, with all sets, and with the chains and rules of this
	// version and of the mappings.
	sound    bool
	links    []entry // all but those for mappings
	mappings []Mapping
	sets     tableSets
}

func (f found) entries() []entry { return slices.Concat(f.links, f.sets.ports(f.mappings)) }

// found reads the table, or fails with ErrNoTable.
func (t *Table) found() (f found, err error) {
	err = t.read(func(c *conn) error {
		f, err = c.found(t.inet())
		return err
	})
	return f, err
}

func (c *conn) found(t *nftables.Table) (found, error) {
	f := found{sets: sets(t)}
	if dormant, err := c.dormant(t); err != nil || dormant {
		return f, err
	}
	if has, err := c.sets(t); err != nil || !slices.Equal(has, f.sets.names()) {
		return f, err
	}
	var err error
	if f.mappings, err = c.published(f.sets); err != nil {
		return f, err
	}
	rules := map[string]int{}
	for _, chain := range chains(f.sets, f.mappings) {
		rules[chain.name] = len(chain.rules)
	}
	if has, err := c.rules(t); err != nil || !maps.Equal(has, rules) {
		return f, err
	}
	ofPorts, mapped := f.sets.portSets(), 0
	want := map[string]string{}
	for _, e := range f.sets.ports(f.mappings) {
		want[e.id()] = e.value()
	}
	for _, set := range f.sets.all {
		es, err := c.elements(set)
		if err != nil {
			return f, err
		}
		for _, e := range es {
			if !ofPorts[set] {
				f.links = append(f.links, e.entry(set))
			} else if value, is := want[e.id(set)]; is && value == e.value {
				mapped++
			} else {
				return f, nil
			}
		}
	}
	f.sound = mapped == len(want)
	return f, nil
}

// entry is the element with its place; it does not jump.
func (e element) entry(s *nftables.Set) entry {
	out := entry{s, nftables.SetElement{Key: e.key, KeyEnd: e.keyEnd}}
	if e.value != "" {
		out.Val = []byte(e.value)
	}
	return out
}

// dormant tells whether the table has been put out of force.
func (c *conn) dormant(t *nftables.Table) (is bool, err error) {
	err = c.get(unix.NFT_MSG_GETTABLE, t, one, func(a attributes) error {
		flags := a[unix.NFTA_TABLE_FLAGS]
		is = len(flags) == 4 && flags[3]&unix.NFT_TABLE_F_DORMANT != 0
		return nil
	}, attribute(unix.NFTA_TABLE_NAME, t.Name))
	return is, err
}

// rules returns the names of the chains with their numbers of rules.
func (c *conn) rules(t *nftables.Table) (map[string]int, error) {
	n := map[string]int{}
	err := c.get(unix.NFT_MSG_GETCHAIN, t, all, func(a attributes) error {
		if text(a[unix.NFTA_CHAIN_TABLE]) == t.Name {
			n[text(a[unix.NFTA_CHAIN_NAME])] = 0
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = c.get(unix.NFT_MSG_GETRULE, t, all, func(a attributes) error {
		n[text(a[unix.NFTA_RULE_CHAIN])]++
		return nil
	}, attribute(unix.NFTA_RULE_TABLE, t.Name))
	return n, err
}

// sets returns the names of the sets, sorted.
func (c *conn) sets(t *nftables.Table) (names []string, err error) {
	err = c.get(unix.NFT_MSG_GETSET, t, all, func(a attributes) error {
		names = append(names, text(a[unix.NFTA_SET_NAME]))
		return nil
	}, attribute(unix.NFTA_SET_TABLE, t.Name))
	slices.Sort(names)
	return names, err
}
