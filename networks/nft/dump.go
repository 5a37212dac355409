package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// How much is asked for.
const (
	one = netlink.Request
	all = netlink.Request | netlink.Dump
)

// attributes are those of a message, by their number.
type attributes map[uint16][]byte

func parse(b []byte) (attributes, error) {
	list, err := netlink.UnmarshalAttributes(b)
	if err != nil {
		return nil, err
	}
	a := make(attributes, len(list))
	for _, one := range list {
		a[one.Type&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER)] = one.Data
	}
	return a, nil
}

func text(b []byte) string { return strings.TrimRight(string(b), "\x00") }

func attribute(number uint16, name string) netlink.Attribute {
	return netlink.Attribute{Type: number, Data: []byte(name + "\x00")}
}

// get asks the kernel and calls do for each thing in its answer. The error is
// ErrNoTable if the table, or the set that is asked for, is not there.
func (c *conn) get(
	what uint16, t *nftables.Table, much netlink.HeaderFlags, do func(attributes) error, which ...netlink.Attribute,
) error {
	fail := func(err error) error { return fmt.Errorf("reading the nftables rules: %w", err) }
	data, err := netlink.MarshalAttributes(which)
	if err != nil {
		return fail(err)
	}
	answer, err := c.raw.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | what), Flags: much},
		Data:   append([]byte{byte(t.Family), unix.NFNETLINK_V0, 0, 0}, data...),
	})
	if errors.Is(err, unix.ENOENT) {
		return ErrNoTable
	}
	if err != nil {
		return fail(err)
	}
	for _, m := range answer {
		if len(m.Data) < 4 {
			return fail(errors.New("the kernel's answer is too short"))
		}
		a, err := parse(m.Data[4:])
		if err == nil {
			err = do(a)
		}
		if err != nil {
			return fail(err)
		}
	}
	return nil
}

// generation returns the number of the ruleset, which each change of it by
// anybody makes another.
func (c *conn) generation() (id uint32, err error) {
	err = c.get(unix.NFT_MSG_GETGEN, &nftables.Table{}, one, func(a attributes) error {
		if n := a[unix.NFTA_GEN_ID]; len(n) == 4 {
			id = binary.BigEndian.Uint32(n)
		}
		return nil
	})
	return id, err
}

// element is one of a set, as the kernel has it. The value of one that jumps is
// the name of the chain.
type element struct {
	key, keyEnd []byte
	value       string
}

func (e element) id(s *nftables.Set) string {
	return s.Name + "\x00" + string(e.key) + string(e.keyEnd)
}

// elements returns what is in the set, or ErrNoTable.
func (c *conn) elements(s *nftables.Set) (es []element, err error) {
	err = c.get(unix.NFT_MSG_GETSETELEM, s.Table, all, func(a attributes) error {
		list, err := netlink.UnmarshalAttributes(a[unix.NFTA_SET_ELEM_LIST_ELEMENTS])
		for _, one := range list {
			if err == nil {
				var e element
				e, err = parseElement(one.Data)
				es = append(es, e)
			}
		}
		return err
	}, attribute(unix.NFTA_SET_ELEM_LIST_TABLE, s.Table.Name), attribute(unix.NFTA_SET_ELEM_LIST_SET, s.Name))
	return es, err
}

func parseElement(b []byte) (e element, err error) {
	const keyEnd = 10 // NFTA_SET_ELEM_KEY_END
	a, err := parse(b)
	if err != nil {
		return e, err
	}
	inner := func(number uint16) attributes {
		nested, failed := parse(a[number])
		err = errors.Join(err, failed)
		return nested
	}
	e.key = inner(unix.NFTA_SET_ELEM_KEY)[unix.NFTA_DATA_VALUE]
	e.keyEnd = inner(keyEnd)[unix.NFTA_DATA_VALUE]
	data := inner(unix.NFTA_SET_ELEM_DATA)
	e.value = string(data[unix.NFTA_DATA_VALUE])
	if jump := data[unix.NFTA_DATA_VERDICT]; jump != nil {
		to, failed := parse(jump)
		err, e.value = errors.Join(err, failed), text(to[unix.NFTA_VERDICT_CHAIN])
	}
	return e, err
}
