package passage

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The rules of others are read here and not by the nftables library: it fails on
// a whole chain when it does not understand one expression of it.

// chain is a chain, as the kernel tells it.
type chain struct {
	family nftables.TableFamily
	table  string
	name   string
	filter bool // at the forward hook
	drops  bool // its policy
}

func (c chain) String() string {
	name := map[nftables.TableFamily]string{
		nftables.TableFamilyIPv4: "ip", nftables.TableFamilyIPv6: "ip6", nftables.TableFamilyINet: "inet",
	}[c.family]
	return fmt.Sprintf("nftables chain %s %s %s", name, c.table, c.name)
}

func (c chain) lib() *nftables.Chain {
	return &nftables.Chain{Name: c.name, Table: &nftables.Table{Name: c.table, Family: c.family}}
}

// rule is a rule of a chain.
type rule struct {
	handle  uint64
	comment string // all of the rule's user data
	words   []word
}

// word is an expression of a rule: its name and what of it matters here.
type word struct {
	name    string
	key     uint32 // what meta and ct load
	op      expr.CmpOp
	data    string // what cmp compares with; the mask of bitwise
	xor     string
	verdict expr.VerdictKind
	chain   string // the verdict's
	mapped  bool   // lookup: the set says what is done
	without bool   // lookup: what is not in the set
	sets    bool   // meta, ct: writes instead of loading
}

// reader asks the kernel.
type reader struct{ conn *netlink.Conn }

func openReader() (*reader, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("opening nftables: %w", err)
	}
	return &reader{conn}, nil
}

// dump returns the attributes of all objects that the kernel answers with.
func (r *reader) dump(kind int, family nftables.TableFamily, of []netlink.Attribute, each func(family byte, ad *netlink.AttributeDecoder)) error {
	attrs, err := netlink.MarshalAttributes(of)
	if err != nil {
		return err
	}
	answers, err := r.conn.Execute(netlink.Message{
		Header: netlink.Header{
			Type:  netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind),
			Flags: netlink.Request | netlink.Dump,
		},
		Data: append([]byte{byte(family), unix.NFNETLINK_V0, 0, 0}, attrs...),
	})
	if err != nil {
		return err
	}
	for _, m := range answers {
		if m.Header.Flags&netlink.DumpInterrupted != 0 {
			return errMoved
		}
		if len(m.Data) < 4 {
			return errors.New("the kernel's answer is cut short")
		}
		ad, err := decoder(m.Data[4:])
		if err != nil {
			return err
		}
		for ad.Next() {
			each(m.Data[0], ad)
		}
		each(m.Data[0], nil)
		if err := ad.Err(); err != nil {
			return err
		}
	}
	return nil
}

func decoder(b []byte) (*netlink.AttributeDecoder, error) {
	ad, err := netlink.NewAttributeDecoder(b)
	if err == nil {
		ad.ByteOrder = binary.BigEndian
	}
	return ad, err
}

// chains returns all chains of all tables.
func (r *reader) chains() (all []chain, err error) {
	var c chain
	var forward, filter bool
	err = r.dump(unix.NFT_MSG_GETCHAIN, nftables.TableFamilyUnspecified, nil, func(family byte, ad *netlink.AttributeDecoder) {
		if ad == nil {
			c.family, c.filter = nftables.TableFamily(family), forward && filter
			all = append(all, c)
			c, forward, filter = chain{}, false, false
			return
		}
		switch ad.Type() {
		case unix.NFTA_CHAIN_TABLE:
			c.table = ad.String()
		case unix.NFTA_CHAIN_NAME:
			c.name = ad.String()
		case unix.NFTA_CHAIN_TYPE:
			filter = ad.String() == string(nftables.ChainTypeFilter)
		case unix.NFTA_CHAIN_POLICY:
			c.drops = ad.Uint32() == uint32(nftables.ChainPolicyDrop)
		case unix.NFTA_CHAIN_HOOK:
			ad.Nested(func(ad *netlink.AttributeDecoder) error {
				for ad.Next() {
					if ad.Type() == unix.NFTA_HOOK_HOOKNUM {
						forward = ad.Uint32() == unix.NF_INET_FORWARD
					}
				}
				return nil
			})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listing the nftables chains: %w", err)
	}
	return all, nil
}

// rules returns the chain's rules; with no name, those of all chains of the
// table.
func (r *reader) rules(c chain) (all []rule, err error) {
	of := []netlink.Attribute{{Type: unix.NFTA_RULE_TABLE, Data: []byte(c.table + "\x00")}}
	if c.name != "" {
		of = append(of, netlink.Attribute{Type: unix.NFTA_RULE_CHAIN, Data: []byte(c.name + "\x00")})
	}
	var one rule
	err = r.dump(unix.NFT_MSG_GETRULE, c.family, of, func(_ byte, ad *netlink.AttributeDecoder) {
		if ad == nil {
			all = append(all, one)
			one = rule{}
			return
		}
		switch ad.Type() {
		case unix.NFTA_RULE_HANDLE:
			one.handle = ad.Uint64()
		case unix.NFTA_RULE_USERDATA:
			one.comment = string(ad.Bytes())
		case unix.NFTA_RULE_EXPRESSIONS:
			ad.Nested(func(ad *netlink.AttributeDecoder) error {
				for ad.Next() {
					one.words = append(one.words, parse(ad))
				}
				return nil
			})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading the rules of %s: %w", c, err)
	}
	return all, nil
}

// written returns the words that expressions will be read as.
func written(exprs []expr.Any) (words []word, err error) {
	for _, e := range exprs {
		b, err := expr.Marshal(unix.NFPROTO_INET, e)
		if err != nil {
			return nil, err
		}
		ad, err := decoder(b)
		if err != nil {
			return nil, err
		}
		words = append(words, parseOne(ad))
		if err := ad.Err(); err != nil {
			return nil, err
		}
	}
	return words, nil
}

// parse reads one element of a list of expressions.
func parse(ad *netlink.AttributeDecoder) (w word) {
	ad.Nested(func(ad *netlink.AttributeDecoder) error {
		w = parseOne(ad)
		return nil
	})
	return w
}

func parseOne(ad *netlink.AttributeDecoder) (w word) {
	for ad.Next() {
		switch ad.Type() {
		case unix.NFTA_EXPR_NAME:
			w.name = ad.String()
		case unix.NFTA_EXPR_DATA:
			if read, known := details[w.name]; known {
				ad.Nested(func(ad *netlink.AttributeDecoder) error {
					for ad.Next() {
						read(&w, ad)
					}
					return nil
				})
			}
		}
	}
	return w
}

// details reads what matters of an expression; of the others the name is
// enough.
var details = map[string]func(w *word, ad *netlink.AttributeDecoder){
	"meta": func(w *word, ad *netlink.AttributeDecoder) {
		switch ad.Type() {
		case unix.NFTA_META_KEY:
			w.key = ad.Uint32()
		case unix.NFTA_META_SREG:
			w.sets = true
		}
	},
	"ct": func(w *word, ad *netlink.AttributeDecoder) {
		switch ad.Type() {
		case unix.NFTA_CT_KEY:
			w.key = ad.Uint32()
		case unix.NFTA_CT_SREG:
			w.sets = true
		}
	},
	"cmp": func(w *word, ad *netlink.AttributeDecoder) {
		switch ad.Type() {
		case unix.NFTA_CMP_OP:
			w.op = expr.CmpOp(ad.Uint32())
		case unix.NFTA_CMP_DATA:
			data(w, &w.data, ad)
		}
	},
	"bitwise": func(w *word, ad *netlink.AttributeDecoder) {
		switch ad.Type() {
		case unix.NFTA_BITWISE_MASK:
			data(w, &w.data, ad)
		case unix.NFTA_BITWISE_XOR:
			data(w, &w.xor, ad)
		}
	},
	"lookup": func(w *word, ad *netlink.AttributeDecoder) {
		switch ad.Type() {
		case unix.NFTA_LOOKUP_DREG:
			w.mapped = true
		case unix.NFTA_LOOKUP_FLAGS:
			w.without = ad.Uint32()&unix.NFT_LOOKUP_F_INV != 0
		}
	},
	"immediate": func(w *word, ad *netlink.AttributeDecoder) {
		if ad.Type() == unix.NFTA_IMMEDIATE_DATA {
			data(w, &w.data, ad)
		}
	},
}

// data reads a value or a verdict.
func data(w *word, value *string, ad *netlink.AttributeDecoder) {
	ad.Nested(func(ad *netlink.AttributeDecoder) error {
		for ad.Next() {
			switch ad.Type() {
			case unix.NFTA_DATA_VALUE:
				*value = string(ad.Bytes())
			case unix.NFTA_DATA_VERDICT:
				w.name = "verdict"
				ad.Nested(func(ad *netlink.AttributeDecoder) error {
					for ad.Next() {
						switch ad.Type() {
						case unix.NFTA_VERDICT_CODE:
							w.verdict = expr.VerdictKind(int32(ad.Uint32()))
						case unix.NFTA_VERDICT_CHAIN:
							w.chain = ad.String()
						}
					}
					return nil
				})
			}
		}
		return nil
	})
}
