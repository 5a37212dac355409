package passage

import (
	"slices"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
)

// A chain denies when its policy is to drop, or when a rule of it drops without
// having looked at anything but the links of a packet and whether its
// connection is new. What drops certain addresses, ports, marks or invalid
// packets means just these, whoever they are for: it is no reason to go past
// the chain.

// ofLinks are the keys of meta that say between which links a packet goes, or
// what nearly all packets have.
var ofLinks = []expr.MetaKey{
	expr.MetaKeyIIF, expr.MetaKeyOIF, expr.MetaKeyIIFNAME, expr.MetaKeyOIFNAME, expr.MetaKeyIIFTYPE, expr.MetaKeyOIFTYPE,
	expr.MetaKeyIIFGROUP, expr.MetaKeyOIFGROUP, expr.MetaKeyNFPROTO, expr.MetaKeyPROTOCOL, expr.MetaKeyL4PROTO,
}

// harmless are expressions that are no conditions.
var harmless = []string{"counter", "log", "notrack", "immediate"}

// judge tells which rules deny; lookup returns the rules of another chain of
// the table.
type judge struct {
	lookup func(chain string) ([]rule, error)
	seen   map[string]bool // chains that are being judged, or were: they deny
}

// firstDenial returns the place of the first rule that denies, or how many
// rules there are.
func (j *judge) firstDenial(rules []rule) (int, error) {
	for i, r := range rules {
		if is, err := j.denies(r); err != nil || is {
			return i, err
		}
	}
	return len(rules), nil
}

func (j *judge) denies(r rule) (bool, error) {
	kind, chain := effect(r.words)
	switch kind {
	case denial:
		return true, nil
	case elsewhere:
	default:
		return false, nil
	}
	if known, seen := j.seen[chain]; seen {
		return known, nil
	}
	j.seen[chain] = false
	rules, err := j.lookup(chain)
	if err != nil {
		return false, err
	}
	i, err := j.firstDenial(rules)
	j.seen[chain] = i < len(rules)
	return j.seen[chain], err
}

// effects of a rule on a packet of a new connection of which nothing is known
// but its links.
type kind int

const (
	none kind = iota
	denial
	elsewhere // another chain says
)

// stateNew is IP_CT_NEW as a bit of a connection's state.
const stateNew = 1 << 3

// effect reads the rule from left to right.
func effect(words []word) (kind, string) {
	var state []byte // of the connection, when it was loaded last
	for _, w := range words {
		switch {
		case slices.Contains(harmless, w.name), w.sets:
		case w.name == "meta" && slices.Contains(ofLinks, expr.MetaKey(w.key)):
			state = nil
		case w.name == "ct" && expr.CtKey(w.key) == expr.CtKeySTATE:
			state = binaryutil.NativeEndian.PutUint32(stateNew)
		case w.name == "bitwise" && state != nil && len(w.data) == len(state) && len(w.xor) == len(state):
			for i := range state {
				state[i] = state[i]&w.data[i] ^ w.xor[i]
			}
		case w.name == "bitwise", w.name == "range":
		case w.name == "cmp":
			if state != nil && (w.op == expr.CmpOpEq) != (w.data == string(state)) {
				return none, ""
			}
		// What sets and maps hold is not read: a map of links may hold a denial,
		// and a set of states has those that are not new.
		case w.name == "lookup" && state == nil:
			if w.mapped {
				return denial, ""
			}
		case w.name == "lookup" && w.without:
		case w.name == "reject":
			return denial, ""
		case w.name == "verdict":
			switch w.verdict {
			case expr.VerdictDrop:
				return denial, ""
			case expr.VerdictJump, expr.VerdictGoto:
				return elsewhere, w.chain
			}
			return none, ""
		default:
			return none, ""
		}
	}
	return none, ""
}
