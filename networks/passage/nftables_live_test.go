//go:build live

package passage

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/gocompose/gocompose/networks/netns"
)

// likeFirewalld is firewalld's way of denying: by rules, with policies that
// accept.
const likeFirewalld = `
table inet firewalld
delete table inet firewalld
table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		ct state invalid drop
		jump filter_FORWARD_ZONES
		reject with icmpx type admin-prohibited
	}
	chain filter_FORWARD_ZONES {
		iifname "uplink" goto filter_FWD_public
		goto filter_FWD_public
	}
	chain filter_FWD_public {
		meta l4proto { icmp, ipv6-icmp } accept
		reject with icmpx type admin-prohibited
	}
	chain mangle_FORWARD {
		type filter hook forward priority mangle; policy accept;
		tcp flags syn tcp option maxseg size set rt mtu
	}
}
`

const wantNative = `		iifname "gc-*" oifname != "docker*" oifname != "br-*" oifname != "podman*" oifname != "virbr*" oifname != "lxcbr*" oifname != "lxdbr*" oifname != "incusbr*" oifname != "cni*" accept comment "gocompose: from gc-*"
		oifname "gc-*" accept comment "gocompose: to gc-*"
`

func (h *host) nft(script string) { h.feed(script, "nft", "-f", "-") }

func TestPacketsPassWhatFirewalldRejectsAlsoAfterAReload(t *testing.T) {
	h := newHost(t)
	h.nft(likeFirewalld)
	before := h.run("nft", "list", "ruleset")
	for _, w := range ways {
		h.blocked(w[0], at(w[1]))
	}
	h.ensure(true)
	h.allPass()
	h.ensure(false)
	is := h.run("nft", "list", "ruleset")
	if strings.Replace(is, wantNative, "", 1) != before || strings.Count(is, wantNative) != 1 {
		t.Errorf("the ruleset is\n%s", is)
	}
	h.keep()
	for range 3 {
		h.nft(likeFirewalld)
		eventually(t, "our rules are there again", func() bool {
			return strings.Contains(h.run("nft", "list", "chain", "inet", "firewalld", "filter_FORWARD"), wantNative)
		})
	}
	h.allPass()
}

func TestRemoveTakesRulesOutOfChainsOfOthers(t *testing.T) {
	h := newHost(t)
	h.nft(likeFirewalld)
	before := h.run("nft", "list", "ruleset")
	h.ensure(true)
	must(t, Remove(t.Context()))
	if is := h.run("nft", "list", "ruleset"); is != before {
		t.Errorf("Remove leaves\n%s", is)
	}
	h.blocked("lan", at(firstIP))
}

// passed is whether rules of ours belong in a chain.
func TestOnlyChainsThatDenyByDefaultArePassed(t *testing.T) {
	for name, c := range map[string]struct {
		policy, rules string
		passed        bool
	}{
		"policy drop":                      {policy: "drop", passed: true},
		"policy accept":                    {policy: "accept"},
		"drop":                             {"accept", "drop", true},
		"counted and logged reject":        {"accept", `counter log prefix "no: " reject`, true},
		"drop of what comes in":            {"accept", `iifname "uplink" drop`, true},
		"drop of new connections":          {"accept", `iifname "uplink" ct state new drop`, true},
		"drop of what is not answered":     {"accept", `ct state != { established, related } drop`, true},
		"drop of what is answered":         {"accept", `ct state { established, related } drop`, false},
		"drop of what is not established":  {"accept", `ct state & (established|related) == 0 drop`, true},
		"drop of invalid packets":          {"accept", `ct state invalid drop`, false},
		"segment sizes":                    {"accept", `tcp flags syn tcp option maxseg size set rt mtu`, false},
		"list of addresses":                {"accept", `ip saddr { 192.0.2.1, 192.0.2.9 } drop`, false},
		"marked packets":                   {"accept", `meta mark 0x8000 drop`, false},
		"one port":                         {"accept", `tcp dport 25 reject`, false},
		"accept":                           {"accept", `accept`, false},
		"jump to a chain that denies":      {"accept", `jump deny`, true},
		"jump of links to it":              {"accept", `oifname "uplink" goto deny`, true},
		"jump of one address to it":        {"accept", `ip daddr 192.0.2.1 jump deny`, false},
		"jump to a chain that does not":    {"accept", `jump harmless`, false},
		"jump to a chain with such a jump": {"accept", `jump harmless; jump further`, true},
		"map of links":                     {"accept", `iifname vmap { "uplink" : drop }`, true},
		"map of states":                    {"accept", `ct state vmap { established : accept, invalid : drop }`, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.nft(fmt.Sprintf(`table inet others {
				chain deny { ct state established accept; drop; }
				chain harmless { ct state invalid drop; counter; }
				chain further { iifname "lo" return; goto deny; }
				chain forward { type filter hook forward priority 5; policy %s; %s; }
				chain input { type filter hook input priority 5; policy drop; }
				chain prerouting { type filter hook prerouting priority 5; policy accept; udp dport 9 drop; }
			}`, c.policy, strings.ReplaceAll("counter;"+c.rules, ";;", ";")))
			h.ensure(c.passed)
			h.ensure(false)
			is := h.run("nft", "list", "ruleset")
			if n := strings.Count(is, "gocompose:"); n > 0 != c.passed || strings.Contains(is, wantNative) != c.passed {
				t.Errorf("rules of ours: %d, in\n%s", n, is)
			}
		})
	}
}

func TestRulesAreOnceAndBeforeWhatDenies(t *testing.T) {
	h := newHost(t)
	h.nft(`table ip others { chain forward { type filter hook forward priority 0; policy drop; iifname "uplink" drop; }; }`)
	h.ensure(true)
	list := func() string { return h.run("nft", "-a", "list", "chain", "ip", "others", "forward") }
	whole := list()
	// What others put first and does not deny stays first.
	h.nft(`insert rule ip others forward ip saddr 192.0.2.1 drop`)
	h.ensure(false)
	h.nft(`insert rule ip others forward iifname "uplink" reject`)
	h.ensure(true)
	h.ensure(false)
	h.nft(h.run("nft", "list", "table", "ip", "others")) // all rules twice
	h.ensure(true)
	if is := list(); strings.Count(is, "gocompose:") != 2 || strings.Index(is, "gocompose: to") > strings.Index(is, "reject") {
		t.Errorf("the chain was\n%s\nand is\n%s", whole, is)
	}
	// A rule of ours that others have changed is replaced.
	h.nft(`flush chain ip others forward
		add rule ip others forward iifname "gc-x" accept comment "gocompose: from gc-*"
		add rule ip others forward oifname "gc-*" accept comment "gocompose: to gc-*"`)
	h.ensure(true)
	h.ensure(false)
	// Nothing denies any more.
	h.nft(`add chain ip others forward { policy accept; }`)
	h.ensure(true)
	if is := list(); strings.Contains(is, "gocompose") {
		t.Errorf("rules of ours are left in\n%s", is)
	}
}

func TestTablesOfOursAreLeftAlone(t *testing.T) {
	h := newHost(t)
	for _, table := range []string{"gocompose", "gocompose-0011223344", "docker-bridges"} {
		h.nft("table inet " + table + " { chain forward { type filter hook forward priority 0; policy drop; }; }")
	}
	h.nft("table bridge others { chain forward { type filter hook forward priority 0; policy accept; drop; }; }")
	h.ensure(false)
}

func TestATableThatIsKeptByItsOwnerIsSaid(t *testing.T) {
	h := newHost(t)
	owner := exec.Command("nft", "-i")
	in, err := owner.StdinPipe()
	must(t, err)
	must(t, owner.Start())
	t.Cleanup(func() {
		in.Close()
		must(t, owner.Wait())
	})
	say := func(script string) {
		_, err := io.WriteString(in, script+"\n")
		must(t, err)
	}
	say(`add table inet firewalld { flags owner; }`)
	say(`add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; policy drop; }`)
	eventually(t, "the table is there", func() bool { return strings.Contains(h.run("nft", "list", "ruleset"), "policy drop") })
	h.nft(`table inet zz-others { chain forward { type filter hook forward priority 0; policy drop; }; }`)
	changed, err := Ensure(t.Context(), links)
	if err == nil || !strings.Contains(err.Error(), "--zone=trusted --add-interface=gc-+") || !changed {
		t.Errorf("changed is %v, the error %v", changed, err)
	}
	h.blocked("lan", at(firstIP))
	say(`add rule inet firewalld filter_FORWARD iifname "gc-*" accept`)
	say(`add rule inet firewalld filter_FORWARD oifname "gc-*" accept`)
	eventually(t, "the owner has added rules", func() bool { return strings.Count(h.run("nft", "list", "table", "inet", "firewalld"), "gc-*") == 2 })
	h.ensure(false)
	h.allPass()
}

func TestTwoThatEnsureAtOnceLeaveNoDuplicates(t *testing.T) {
	h := newHost(t)
	for range 20 {
		h.nft(likeFirewalld)
		h.feed(likeUFW, "iptables-nft-restore")
		var done []chan error
		for range 4 {
			c := make(chan error, 1)
			done = append(done, c)
			go func() {
				c <- netns.Do(h.ns("host"), func() error {
					_, err := Ensure(context.Background(), links)
					return err
				})
			}()
		}
		for _, c := range done {
			must(t, <-c)
		}
		_, err := Ensure(t.Context(), links)
		must(t, err)
		h.ensure(false)
		if n := strings.Count(h.run("nft", "list", "ruleset"), "gocompose:"); n != 2 {
			t.Fatalf("there are %d rules of ours", n)
		}
		if n := strings.Count(h.run("iptables-nft", "-S"), "-j GOCOMPOSE"); n != 1 {
			t.Fatalf("there are %d jumps to our chain", n)
		}
	}
}

func TestWatchTellsOfRulesAndLinks(t *testing.T) {
	h := newHost(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	changes, err := Watch(ctx)
	must(t, err)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "late"
	late := &netlink.Bridge{LinkAttrs: attrs}
	for i, change := range []func(){
		func() { h.nft("table inet x { chain y { }; }") },
		func() { h.nft("add rule inet x y drop") },
		func() { h.nft("flush ruleset") },
		func() { must(t, netlink.LinkAdd(late)) },
		func() { must(t, netlink.LinkSetName(late, "later")) },
		func() { must(t, netlink.LinkDel(late)) },
		func() { h.run("iptables-legacy", "-P", "FORWARD", "DROP") },
	} {
		change()
		select {
		case _, ok := <-changes:
			if !ok {
				t.Fatal("the watch has ended")
			}
		case <-time.After(patience):
			t.Fatalf("change %d was not told", i+1)
		}
		drain(changes)
	}
	stop()
	for range changes {
	}
}

func TestWatchTellsOfBridgesNotOfContainersLinks(t *testing.T) {
	newHost(t)
	changes, err := Watch(t.Context())
	must(t, err)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "gc0123456789-12"
	container := &netlink.Bridge{LinkAttrs: attrs}
	// Now and then something else is told: iptables-legacy of another host.
	told := 0
	for range 5 {
		drain(changes)
		must(t, netlink.LinkAdd(container))
		must(t, netlink.LinkSetUp(container))
		must(t, netlink.LinkDel(container))
		select {
		case <-changes:
			told++
		case <-time.After(impatience):
		}
	}
	if told == 5 {
		t.Error("the link of a container is told of")
	}
	must(t, netlink.LinkAdd(container))
	attrs.Name = "gc-01234567"
	for i, change := range []func(){
		func() { must(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs})) },
		func() { must(t, netlink.LinkSetName(container, "mine")) },
	} {
		change()
		select {
		case <-changes:
		case <-time.After(patience):
			t.Fatalf("change %d was not told", i+1)
		}
		drain(changes)
	}
}

// drain takes what is told of one change in several parts.
func drain(changes <-chan struct{}) {
	for {
		select {
		case <-changes:
		case <-time.After(impatience):
			return
		}
	}
}
