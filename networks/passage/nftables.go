package passage

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// applyToNFTables does it in all tables of nftables, those of iptables-nft
// among them.
func (g goal) applyToNFTables() (changed bool, err error) {
	r, err := openReader()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, r.conn.Close()) }()
	all, err := r.chains()
	if err != nil {
		return false, err
	}
	var errs []error
	for _, c := range all {
		var do change
		var err error
		switch {
		case !c.filter || ours(c):
			continue
		case ofIPTables(c):
			if c.table == "filter" {
				do, err = g.forIPTables(r, c, all)
			}
		case slices.Contains(families, c.family):
			do, err = g.forNative(r, c)
		}
		if err == nil && len(do) > 0 {
			switch err = do.carryOut(); {
			case err == nil:
				changed = true
			case errors.Is(err, unix.EPERM):
				err = g.kept(r, c)
			default:
				err = fmt.Errorf("changing %s: %w", c, err)
			}
		}
		errs = append(errs, err)
	}
	return changed, errors.Join(errs...)
}

var families = []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6, nftables.TableFamilyINet}

// ours tells whether the chain is one of our own tables, of whichever layout.
// Nor do we touch what Docker Engine makes when it uses nftables itself: these
// chains speak of its own bridges only.
func ours(c chain) bool {
	return c.table == "gocompose" || strings.HasPrefix(c.table, "gocompose-") || c.table == "docker-bridges"
}

// ofIPTables tells whether the base chain is one that iptables-nft makes.
func ofIPTables(c chain) bool {
	return c.name == "FORWARD" && (c.family == nftables.TableFamilyIPv4 || c.family == nftables.TableFamilyIPv6) &&
		slices.Contains([]string{"filter", "mangle", "raw", "nat", "security"}, c.table)
}

// change is a transaction: all of it comes true, or nothing.
type change []func(c *nftables.Conn) error

func (ch change) carryOut() error {
	c, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return err
	}
	var errs []error
	for _, do := range ch {
		errs = append(errs, do(c))
	}
	if err = errors.Join(errs...); err == nil {
		err = c.Flush()
	}
	return errors.Join(err, c.CloseLasting())
}

func remove(c chain, r rule) func(*nftables.Conn) error {
	return func(conn *nftables.Conn) error {
		l := c.lib()
		return conn.DelRule(&nftables.Rule{Table: l.Table, Chain: l, Handle: r.handle})
	}
}

// insert puts the rule first.
func insert(c chain, comment string, exprs []expr.Any) func(*nftables.Conn) error {
	return func(conn *nftables.Conn) error {
		l := c.lib()
		r := &nftables.Rule{Table: l.Table, Chain: l, Exprs: exprs}
		if comment != "" {
			r.UserData = []byte(comment)
		}
		conn.InsertRule(r)
		return nil
	}
}

// native are our rules in a chain of nftables, the first one first, by their
// comments.
func (g goal) native() (comments []string, rules [][]expr.Any) {
	accept := &expr.Verdict{Kind: expr.VerdictAccept}
	for _, p := range g.links {
		from := named(expr.MetaKeyIIFNAME, expr.CmpOpEq, p)
		for _, e := range engines {
			from = append(from, named(expr.MetaKeyOIFNAME, expr.CmpOpNeq, e)...)
		}
		to := named(expr.MetaKeyOIFNAME, expr.CmpOpEq, p)
		comments = append(comments, comment("from", p), comment("to", p))
		rules = append(rules, append(from, accept), append(to, accept))
	}
	return comments, rules
}

// comment is how we know a rule of ours again.
func comment(way, link string) string {
	return string(userdata.AppendString(nil, userdata.TypeComment, commentBegins+way+" "+link))
}

const commentBegins = "gocompose: "

// commented tells whether a rule is one of ours, for whichever links.
func commented(r rule) bool {
	text, ok := userdata.GetString([]byte(r.comment), userdata.TypeComment)
	return ok && strings.HasPrefix(text, commentBegins)
}

// named is that a link is, or is not, one of those that are given.
func named(key expr.MetaKey, op expr.CmpOp, link string) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: op, Register: 1, Data: []byte(compared(link))}}
}

// compared is what the kernel compares names with: one that is whole has its end.
func compared(link string) string {
	if begins, ok := strings.CutSuffix(link, every); ok {
		return begins
	}
	return link + "\x00"
}

// forNative returns what is to be changed in a chain of nftables, or nil. Our
// rules stand before the first one that denies; others may stand before them.
func (g goal) forNative(r *reader, c chain) (change, error) {
	rules, err := r.rules(c)
	if err != nil {
		return nil, err
	}
	comments, exprs := g.native()
	j := judge{seen: map[string]bool{}, lookup: func(name string) ([]rule, error) {
		return r.rules(chain{family: c.family, table: c.table, name: name})
	}}
	denial, err := j.firstDenial(rules)
	if err != nil {
		return nil, err
	}
	wanted := !g.remove && (c.drops || denial < len(rules))
	var ch change
	found, right := 0, 0
	for i, rule := range rules {
		if !commented(rule) {
			continue
		}
		found++
		which := slices.Index(comments, rule.comment)
		if which < 0 { // for links that are no more
			ch = append(ch, remove(c, rule))
			continue
		}
		words, err := written(exprs[which])
		if err != nil {
			return nil, err
		}
		if i < denial && right == which && slices.Equal(words, rule.words) {
			right++
		}
		ch = append(ch, remove(c, rule))
	}
	if wanted && found == len(comments) && right == len(comments) {
		return nil, nil
	}
	for i := len(comments) - 1; wanted && i >= 0; i-- {
		ch = append(ch, insert(c, comments[i], exprs[i]))
	}
	return ch, nil
}

// kept is the error of a table that only its owner may change, unless its owner
// was told of our links.
func (g goal) kept(r *reader, c chain) error {
	rules, err := r.rules(chain{family: c.family, table: c.table})
	if err != nil {
		return err
	}
	var missing []string
	for _, p := range g.links {
		if !slices.ContainsFunc(rules, func(r rule) bool {
			return slices.ContainsFunc(r.words, func(w word) bool {
				return w.name == "cmp" && strings.TrimRight(w.data, "\x00") == strings.TrimRight(compared(p), "\x00")
			})
		}) {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	hint := "its owner must accept what is forwarded from and to links named " + strings.Join(missing, ", ")
	if c.table == "firewalld" {
		hint = "run: firewall-cmd --permanent --zone=trusted --add-interface=" + strings.ReplaceAll(missing[0], every, "+") +
			" && firewall-cmd --reload; or set NftablesTableOwner=no in /etc/firewalld/firewalld.conf"
	}
	return fmt.Errorf("%s drops packets of containers, and only the program that made it may change it: %s", c, hint)
}
