package passage

import (
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// passRule is a rule of our chain in tables of iptables.
type passRule struct {
	in, out string // links, as in goal; empty: any
	kind    expr.VerdictKind
}

// rules are the rules of that chain, in order.
func (g goal) rules() (rules []passRule) {
	for _, p := range g.links {
		for _, e := range engines {
			rules = append(rules, passRule{p, e, expr.VerdictReturn})
		}
		rules = append(rules, passRule{in: p, kind: expr.VerdictAccept}, passRule{out: p, kind: expr.VerdictAccept})
	}
	return rules
}

// nft is the rule as iptables-nft writes it: it counts what it matches.
func (p passRule) nft() (exprs []expr.Any) {
	if p.in != "" {
		exprs = named(expr.MetaKeyIIFNAME, expr.CmpOpEq, p.in)
	}
	if p.out != "" {
		exprs = append(exprs, named(expr.MetaKeyOIFNAME, expr.CmpOpEq, p.out)...)
	}
	return append(exprs, &expr.Counter{}, &expr.Verdict{Kind: p.kind})
}

// forIPTables returns what is to be changed in a table of iptables-nft, of which
// c is the chain FORWARD. Ours is the first rule there: all others deny.
func (g goal) forIPTables(r *reader, c chain, all []chain) (change, error) {
	rules, err := r.rules(c)
	if err != nil {
		return nil, err
	}
	jump := []expr.Any{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictJump, Chain: chainName}}
	words, err := written(jump)
	if err != nil {
		return nil, err
	}
	var jumps change
	for _, rule := range rules {
		if slices.Equal(rule.words, words) {
			jumps = append(jumps, remove(c, rule))
		}
	}
	own := chain{family: c.family, table: c.table, name: chainName}
	there := slices.Contains(all, own)
	if g.remove {
		if there {
			jumps = append(jumps, empty(own), func(c *nftables.Conn) error {
				c.DelChain(own.lib())
				return nil
			})
		}
		return jumps, nil
	}
	ch, err := g.fill(r, own, there)
	if err != nil {
		return nil, err
	}
	if len(jumps) != 1 || !slices.Equal(rules[0].words, words) {
		ch = slices.Concat(ch, jumps, change{insert(c, "", jump)})
	}
	return ch, nil
}

func empty(c chain) func(*nftables.Conn) error {
	return func(conn *nftables.Conn) error {
		conn.FlushChain(c.lib())
		return nil
	}
}

// fill returns what is to be changed for our chain to be there with its rules.
func (g goal) fill(r *reader, own chain, there bool) (ch change, err error) {
	var want [][]expr.Any
	for _, p := range g.rules() {
		want = append(want, p.nft())
	}
	if there {
		are, err := r.rules(own)
		if err != nil {
			return nil, err
		}
		same := len(are) == len(want)
		for i := 0; same && i < len(are); i++ {
			words, err := written(want[i])
			if err != nil {
				return nil, err
			}
			same = slices.Equal(words, are[i].words)
		}
		if same {
			return nil, nil
		}
	}
	add := func(conn *nftables.Conn) error {
		l := own.lib()
		conn.AddChain(l)
		conn.FlushChain(l)
		for _, exprs := range want {
			conn.AddRule(&nftables.Rule{Table: l.Table, Chain: l, Exprs: exprs})
		}
		return nil
	}
	return change{add}, nil
}
