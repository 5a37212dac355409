package nft

import (
	"errors"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// RedirectDNS sends questions to 127.0.0.11:53 to the given port of that
// address, in the namespace of the calling thread. The answers come from port
// 53, as the one who asks expects. It can be repeated.
func RedirectDNS(to uint16) error {
	resolver := [4]byte{127, 0, 0, 11} // Docker's
	c, err := open()
	if err != nil {
		return err
	}
	err = transact(c.Conn, func(c *nftables.Conn) error {
		t := c.AddTable(&nftables.Table{Name: "gocompose-dns", Family: nftables.TableFamilyIPv4})
		c.FlushTable(t)
		out := c.AddChain(&nftables.Chain{
			Table: t, Name: "output", Type: nftables.ChainTypeNAT,
			Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest,
		})
		v4 := sets(t).v4
		for _, proto := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
			c.AddRule(&nftables.Rule{Table: t, Chain: out, Exprs: []expr.Any{
				v4.at(v4.destination, reg1), equal(resolver[:]...),
				meta(expr.MetaKeyL4PROTO, reg1), equal(proto),
				port(reg1), equal(0, 53),
				&expr.Immediate{Register: reg1, Data: resolver[:]},
				&expr.Immediate{Register: reg2, Data: binaryutil.BigEndian.PutUint16(to)},
				&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg1, RegProtoMin: reg2},
			}})
		}
		return nil
	})
	return errors.Join(err, c.CloseLasting())
}
