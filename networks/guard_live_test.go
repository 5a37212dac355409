//go:build live

package networks

import (
	"context"
	"os/exec"
	"testing"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

// guarded has the networks guarded until the test ends.
func (b *bed) guarded() {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.n.Guard(ctx, func(err error) {
			if err != nil && ctx.Err() == nil {
				b.t.Errorf("guarding: %v", err)
			}
		})
	}()
	b.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// answered waits until there is an answer.
func (b *bed) answered(path, network, addr string) {
	b.t.Helper()
	b.eventually(network+"/"+addr+" answers", func() bool {
		_, err := ask(path, network, addr, impatience)
		return err == nil
	})
}

func (b *bed) run(name string, args ...string) {
	b.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		b.t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

func TestWhatOthersFlushOrRemoveIsMadeAgain(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	b.serve(web.Netns, "tcp4", ":80")
	b.serve(b.lan, "tcp4", ":7000")
	b.publish(web, "8080:80/tcp")
	b.guarded()
	for what, harm := range map[string]func(){
		"the ruleset flushed": func() { b.run("nft", "flush", "ruleset") },
		"our table removed":   func() { b.run("nft", "delete", "table", "inet", b.n.rules.Name()) },
		"the bridge removed":  func() { must(t, removeLink(b.n.bridgeName("shop_default"))) },
	} {
		t.Log(what)
		harm()
		b.answered(b.lan, "tcp4", hostIP+":8080")
		b.answered(web.Netns, "tcp4", lanIP+":7000")
	}
}

// firewalls are what others filter forwarded packets with: each denies all that
// it was not told of.
func firewalls(b *bed) map[string]func() {
	iptables := func(program string) func() {
		return func() {
			b.run(program, "-N", "ufw-before-forward")
			b.run(program, "-A", "ufw-before-forward", "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT")
			b.run(program, "-A", "FORWARD", "-j", "ufw-before-forward")
			b.run(program, "-P", "FORWARD", "DROP")
		}
	}
	return map[string]func(){
		"iptables-nft":    iptables("iptables-nft"),
		"iptables-legacy": iptables("iptables-legacy"),
		"firewalld": func() {
			b.run("nft", `add table inet firewalld; add chain inet firewalld filter_FORWARD { type filter hook forward priority filter + 10; };`+
				`add rule inet firewalld filter_FORWARD ct state established,related accept; add rule inet firewalld filter_FORWARD reject`)
		},
	}
}

func (b *bed) withoutFirewalls() {
	b.run("nft", "flush", "ruleset")
	b.run("iptables-legacy", "-P", "FORWARD", "ACCEPT")
	b.run("iptables-legacy", "-F")
	b.run("iptables-legacy", "-X")
}

func TestBesideAFirewallContainersReachEachOtherAndTheOutsideInAnyOrder(t *testing.T) {
	for _, name := range []string{"iptables-nft", "iptables-legacy", "firewalld"} {
		for _, first := range []bool{true, false} {
			t.Run(map[bool]string{true: name + " first", false: name + " later"}[first], func(t *testing.T) {
				eachBridgeFilter(t, func(b *bed) { besideAFirewall(b, name, first) })
			})
		}
	}
}

func besideAFirewall(b *bed, name string, first bool) {
	b.t.Cleanup(b.withoutFirewalls)
	if first {
		firewalls(b)[name]()
	}
	b.network("shop_default", "blog_default")
	web, db := b.attach("web", "shop_default"), b.attach("db", "shop_default")
	blog := b.attach("blog", "blog_default")
	b.publish(web, "8080:80/tcp")
	b.guarded()
	if !first {
		firewalls(b)[name]()
	}
	for _, e := range []endpoint.Endpoint{web, db, blog} {
		b.serve(e.Netns, "tcp4", ":80")
	}
	b.serve(b.lan, "tcp4", ":7000")
	addr, _ := db.Address()
	other, _ := blog.Address()
	b.answered(web.Netns, "tcp4", lanIP+":7000")
	b.answered(b.lan, "tcp4", hostIP+":8080")
	b.answered(web.Netns, "tcp4", at(addr, 80))
	b.doesNotReach(web.Netns, "tcp4", at(other, 80))
}

// Docker Engine closes its networks itself only where it was the one to turn on
// forwarding. Where we have, it leaves them open.
func TestContainersOfAnEngineThatStartsLaterAreOutOfReachButForWhatTheyPublish(t *testing.T) {
	b := newBed(t)
	must(t, setSysctl(sysctlForward, "0"))
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	b.guarded()
	theirs := b.dockerLike("br-0123456789ab")
	b.serve(theirs, "tcp4", ":80")
	b.serve(b.lan, "tcp4", ":7000")
	b.routeTo(b.lan, dockerIP+"/24", hostIP)
	b.answered(theirs, "tcp4", lanIP+":7000") // as it was
	b.reaches("", "tcp4", dockerIP+":80")
	b.eventually("it is out of reach", func() bool {
		_, err := ask(web.Netns, "tcp4", dockerIP+":80", impatience)
		return err != nil
	})
	b.doesNotReach(web.Netns, "tcp4", dockerIP+":80")
	b.doesNotReach(b.lan, "tcp4", dockerIP+":80")
	b.run("nft", "add table ip theirs; add chain ip theirs nat { type nat hook prerouting priority dstnat; };"+
		"add rule ip theirs nat ip daddr "+hostIP+" tcp dport 9090 dnat to "+dockerIP+":80")
	t.Cleanup(func() { b.run("nft", "delete", "table", "ip", "theirs") })
	b.reaches(b.lan, "tcp4", hostIP+":9090")
	b.reaches(web.Netns, "tcp4", hostIP+":9090")
}

// another returns the networks of another layout of the same host.
func (b *bed) another() *bed {
	b.t.Helper()
	o := &bed{t: b.t, lan: b.lan, p: paths.Paths{Root: b.p.Root + "2", State: b.p.State + "2"}}
	o.n, _ = Open(o.p)
	return o
}

func TestLayoutsOfOneHostLeaveEachOthersPassageAlone(t *testing.T) {
	b := newBed(t)
	t.Cleanup(b.withoutFirewalls)
	firewalls(b)["iptables-nft"]()
	o := b.another()
	b.make(project.Network{Name: "shop_default", Options: map[string]string{optBridgeName: "shop0"}})
	must(t, o.n.CreateNetwork(t.Context(), project.Network{Name: "blog_default"}))
	web := b.attach("web", "shop_default")
	b.serve(b.lan, "tcp4", ":7000")
	b.reaches(web.Netns, "tcp4", lanIP+":7000")
	must(t, o.n.RemoveNetwork(t.Context(), project.Network{Name: "blog_default"}))
	b.reaches(web.Netns, "tcp4", lanIP+":7000")
}
