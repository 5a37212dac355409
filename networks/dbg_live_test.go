//go:build live

package networks

import (
	"fmt"
	"net"
	"os/exec"
	"testing"
)

func TestDbg(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	b.publish(web, "127.0.0.1:8080:80/tcp")
	b.serve(web.Netns, "tcp4", ":80")
	b.routeLoopbackToHost(b.lan, net.ParseIP(hostIP))
	must(t, within(b.lan, func() error {
		out, err := exec.Command("sh", "-c", "ip route get 127.0.0.1; ip route list table all; ip rule").CombinedOutput()
		fmt.Println(string(out), err)
		return nil
	}))
	exec.Command("sh", "-c", "nft add table ip x; nft 'add chain ip x y { type filter hook prerouting priority -400; }'; nft add rule ip x y iifname uplink ip daddr 127.0.0.1 counter").Run()
	b.doesNotReach(b.lan, "tcp4", "127.0.0.1:8080")
	out, err := exec.Command("sh", "-c", "nft list table ip x; conntrack -L; nft delete table ip x; ip -s link show uplink").CombinedOutput()
	fmt.Println(string(out), err)
}
