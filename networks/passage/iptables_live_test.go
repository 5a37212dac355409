//go:build live

package passage

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// likeUFW is what ufw writes, shortened: it denies by policy, by a chain that
// rejects, and by nobody having accepted.
const likeUFW = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:ufw-before-forward - [0:0]
:ufw-reject-forward - [0:0]
:ufw-user-forward - [0:0]
-A FORWARD -j ufw-before-forward
-A FORWARD -j ufw-reject-forward
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-forward -j ufw-user-forward
-A ufw-user-forward -i uplink -p tcp -m tcp --dport 9 -m comment --comment "dapp_discard" -j ACCEPT
-A ufw-reject-forward -i uplink -j REJECT
COMMIT
`

// wantLines are our rules as iptables lists them.
const wantLines = `-N GOCOMPOSE
-A GOCOMPOSE -i gc-+ -o docker+ -j RETURN
-A GOCOMPOSE -i gc-+ -o br-+ -j RETURN
-A GOCOMPOSE -i gc-+ -o podman+ -j RETURN
-A GOCOMPOSE -i gc-+ -o virbr+ -j RETURN
-A GOCOMPOSE -i gc-+ -o lxcbr+ -j RETURN
-A GOCOMPOSE -i gc-+ -o lxdbr+ -j RETURN
-A GOCOMPOSE -i gc-+ -o incusbr+ -j RETURN
-A GOCOMPOSE -i gc-+ -o cni+ -j RETURN
-A GOCOMPOSE -i gc-+ -j ACCEPT
-A GOCOMPOSE -o gc-+ -j ACCEPT
`

func eachIPTables(t *testing.T, test func(h *host, variant string)) {
	for _, variant := range []string{"nft", "legacy"} {
		t.Run(variant, func(t *testing.T) {
			h := newHost(t)
			h.feed(likeUFW, "iptables-"+variant+"-restore")
			h.feed(likeUFW, "ip6tables-"+variant+"-restore")
			test(h, variant)
		})
	}
}

var counts = regexp.MustCompile(`(?m)\[\d+:\d+\]|^#.*\n`)

// saved is the whole filter, without what changes by itself.
func (h *host) saved(variant string) string {
	return counts.ReplaceAllString(h.run("iptables-"+variant+"-save", "-t", "filter")+h.run("ip6tables-"+variant+"-save", "-t", "filter"), "")
}

func TestPacketsPassWhatUFWDenies(t *testing.T) {
	eachIPTables(t, func(h *host, variant string) {
		before := h.saved(variant)
		for _, w := range ways {
			h.blocked(w[0], at(w[1]))
		}
		h.ensure(true)
		h.allPass()
		h.ensure(false)
		if t := h.t; !t.Failed() {
			must(t, Remove(t.Context()))
			if after := h.saved(variant); after != before {
				t.Errorf("Remove leaves something:\n%s", after)
			}
		}
		h.blocked("lan", at(firstIP))
		h.blocked("lan", at(firstIP6))
	})
}

func TestIPTablesReadsAndChangesWhatIsWritten(t *testing.T) {
	eachIPTables(t, func(h *host, variant string) {
		h.ensure(true)
		for _, v := range []string{"iptables-", "ip6tables-"} {
			program := v + variant
			is := h.run(program, "-S")
			var own []string
			for l := range strings.Lines(is) {
				if strings.Contains(l, " GOCOMPOSE ") || l == "-N GOCOMPOSE\n" {
					own = append(own, l)
				}
			}
			if got := strings.Join(own, ""); got != wantLines {
				h.t.Errorf("%s -S lists\n%s", program, got)
			}
			if !strings.Contains(is, "\n-A FORWARD -j GOCOMPOSE\n-A FORWARD -j ufw-before-forward\n-A FORWARD -j ufw-reject-forward\n") {
				h.t.Errorf("the order of FORWARD in\n%s", is)
			}
			h.run(program, "-C", "FORWARD", "-j", "GOCOMPOSE")
			for l := range strings.Lines(wantLines) {
				if args := strings.Fields(l); args[0] == "-A" {
					h.run(program, append([]string{"-C"}, args[1:]...)...)
				}
			}
			h.run(program, "-L", "-v", "-n")
			h.feed(h.run(program+"-save"), program+"-restore")
			h.ensure(false)
			h.run(program, "-D", "GOCOMPOSE", "-i", "gc-+", "-j", "ACCEPT")
			h.ensure(true)
			h.run(program, "-D", "FORWARD", "-j", "GOCOMPOSE")
			h.ensure(true)
			h.run(program, "-I", "FORWARD", "-j", "GOCOMPOSE")
			h.run(program, "-I", "FORWARD", "-j", "DROP")
			h.ensure(true)
			if n := strings.Count(h.run(program, "-S", "FORWARD"), "GOCOMPOSE"); n != 1 {
				h.t.Errorf("FORWARD jumps to our chain %d times", n)
			}
			h.run(program, "-D", "FORWARD", "-j", "DROP")
			h.ensure(false)
		}
		h.allPass()
	})
}

func TestRulesAreBackAfterOthersFlush(t *testing.T) {
	eachIPTables(t, func(h *host, variant string) {
		h.keep()
		h.run("iptables-"+variant, "-P", "FORWARD", "DROP") // the watch was told
		for range 3 {
			h.feed(likeUFW, "iptables-"+variant+"-restore")
			h.feed(likeUFW, "ip6tables-"+variant+"-restore")
			eventually(h.t, "our rules are first again", func() bool {
				is := h.saved(variant)
				return strings.Count(is, "-A FORWARD -j GOCOMPOSE\n-A FORWARD -j ufw-before-forward\n") == 2
			})
			h.allPass()
		}
	})
}

func TestNothingIsMadeWhereOthersFilterNothing(t *testing.T) {
	h := newHost(t)
	h.ensure(false)
	if is := h.run("nft", "list", "ruleset"); is != "" {
		t.Errorf("there is now:\n%s", is)
	}
	for _, l := range legacies {
		if is := h.run("cat", l.listed); is != "" {
			t.Errorf("%s lists %s", l.listed, is)
		}
	}
	must(t, Remove(t.Context()))
}

func TestAMissingIPTablesLegacyIsSaidAndTheOthersAreDone(t *testing.T) {
	h := newHost(t)
	h.feed(likeUFW, "iptables-legacy-restore")
	h.feed(likeUFW, "iptables-nft-restore")
	const program = "/usr/sbin/xtables-legacy-multi"
	must(t, unix.Mount("/dev/null", program, "", unix.MS_BIND, ""))
	_, err := Ensure(t.Context(), links)
	must(t, unix.Unmount(program, 0))
	if err == nil || !strings.Contains(err.Error(), "install the package iptables") {
		t.Errorf("the error is %v", err)
	}
	if is := strings.Fields(h.run("iptables-nft", "-S")); !slices.Contains(is, "GOCOMPOSE") {
		t.Error("iptables-nft was left out")
	}
	h.ensure(true)
	h.allPass()
}
