package nft

import (
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// addRules writes the rules; they hold for all networks and never change.
func addRules(c *nftables.Conn, t *nftables.Table, s tableSets) {
	base := func(name string, kind nftables.ChainType, hook *nftables.ChainHook, at *nftables.ChainPriority) *nftables.Chain {
		return c.AddChain(&nftables.Chain{Table: t, Name: name, Type: kind, Hooknum: hook, Priority: at})
	}
	rule := func(chain *nftables.Chain, parts ...[]expr.Any) {
		c.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: slices.Concat(parts...)})
	}
	var (
		fromBridge, toBridge = in(s.bridges, meta(expr.MetaKeyIIFNAME, reg1)), in(s.bridges, meta(expr.MetaKeyOIFNAME, reg1))
		sameBridge           = in(s.same, meta(expr.MetaKeyIIFNAME, reg1), meta(expr.MetaKeyOIFNAME, reg2))
		toUplink             = []expr.Any{meta(expr.MetaKeyOIFNAME, reg1), lookup(s.bridges, true)}
		translated           = flags(expr.CtKeySTATUS, ipsDNAT)
	)

	// Addresses of the loopback belong on the loopback. On the way to a bridge
	// they are let through by route_localnet, so others must not send them.
	raw := base("raw-prerouting", nftables.ChainTypeFilter, nftables.ChainHookPrerouting, nftables.ChainPriorityRaw)
	for _, offset := range []uint32{offsetSource, offsetDestination} {
		rule(raw, notLoopback(), loopbackAddress(offset), verdict(expr.VerdictDrop, ""))
	}

	// Published ports: what is addressed to this host goes to the container,
	// from wherever it comes.
	published := c.AddChain(&nftables.Chain{Table: t, Name: "published"})
	rule(published, ipv4(), mapped(s.portsOn, ipv4At(offsetDestination, reg1a), meta(expr.MetaKeyL4PROTO, reg1b), port(reg1c)))
	rule(published, mapped(s.ports, meta(expr.MetaKeyL4PROTO, reg1a), port(reg1b)))
	prerouting := base("prerouting", nftables.ChainTypeNAT, nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest)
	rule(prerouting, toThisHost(), verdict(expr.VerdictJump, published.Name))
	output := base("output", nftables.ChainTypeNAT, nftables.ChainHookOutput, nftables.ChainPriorityNATDest)
	rule(output, toThisHost(), verdict(expr.VerdictJump, published.Name))

	// To a container come answers, what was published, and its own network.
	inbound := c.AddChain(&nftables.Chain{Table: t, Name: "to-container"})
	rule(inbound, flags(expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), verdict(expr.VerdictAccept, ""))
	rule(inbound, translated, verdict(expr.VerdictAccept, ""))
	rule(inbound, sameBridge, verdict(expr.VerdictAccept, ""))
	rule(inbound, verdict(expr.VerdictDrop, ""))
	forward := base("forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter)
	rule(forward, toBridge, verdict(expr.VerdictJump, inbound.Name))

	// Answers must come back to this host: from the outside, from a container
	// whose client is on its own network, from one whose client is this host
	// under an address of the loopback. With br_netfilter, packets between
	// containers of one network have no incoming link here.
	masquerade := []expr.Any{&expr.Masq{}}
	post := base("postrouting", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource)
	rule(post, fromBridge, toUplink, masquerade)
	rule(post, translated, ipv4(), in(s.members, meta(expr.MetaKeyOIFNAME, reg1), ipv4At(offsetSource, reg2)), masquerade)
	rule(post, loopbackAddress(offsetSource), toBridge, masquerade)
}
