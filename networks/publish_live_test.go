//go:build live

package networks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/networks/endpoint"
)

func (b *bed) publish(e endpoint.Endpoint, ports ...string) endpoint.Endpoint {
	b.t.Helper()
	e.Ports = nil
	for _, p := range ports {
		e.Ports = append(e.Ports, testPort(b.t, p))
	}
	must(b.t, b.n.Publish(b.t.Context(), e))
	return e
}

// testPort reads "[address:]published:target/protocol".
func testPort(t *testing.T, s string) (p endpoint.Port) {
	t.Helper()
	s, proto, _ := strings.Cut(s, "/")
	parts := strings.Split(s, ":")
	if len(parts) == 3 {
		p.HostIP, parts = parts[0], parts[1:]
	}
	_, err := fmt.Sscan(parts[0]+" "+parts[1], &p.HostPort, &p.Target)
	must(t, err)
	p.Protocol, p.Published = proto, p.HostPort
	return p
}

func TestAPublishedPortAnswersFromEverywhere(t *testing.T) {
	eachBridgeFilter(t, aPublishedPortAnswersFromEverywhere)
}

func aPublishedPortAnswersFromEverywhere(b *bed) {
	b.network("shop_default", "blog_default")
	web := b.attach("web", "shop_default")
	neighbour, stranger := b.attach("job", "shop_default"), b.attach("blog", "blog_default")
	b.publish(web, "8080:80/tcp", "8080:80/udp")
	gateway := web.Interfaces[0].Gateway.String()
	other, _ := stranger.Address()
	for _, proto := range []string{"tcp4", "udp4"} {
		b.serve(web.Netns, proto, ":80")
		b.reaches(b.lan, proto, hostIP+":8080", lanIP) // the client's address is kept
		b.reaches("", proto, "127.0.0.1:8080", gateway)
		b.reaches("", proto, hostIP+":8080", hostIP)
		b.reaches(neighbour.Netns, proto, hostIP+":8080", gateway)
		b.reaches(neighbour.Netns, proto, gateway+":8080", gateway)
		b.reaches(web.Netns, proto, hostIP+":8080", gateway)
		b.reaches(stranger.Netns, proto, hostIP+":8080", other.String())
		b.doesNotReach(b.lan, proto, hostIP+":80")
	}
}

func TestAPortOfOneAddressAnswersThereOnly(t *testing.T) {
	eachBridgeFilter(t, aPortOfOneAddressAnswersThereOnly)
}

func aPortOfOneAddressAnswersThereOnly(b *bed) {
	b.network("shop_default")
	web, job := b.attach("web", "shop_default"), b.attach("job", "shop_default")
	b.publish(web, "127.0.0.1:8080:80/tcp", hostIP+":8081:80/tcp")
	b.serve(web.Netns, "tcp4", ":80")
	b.reaches("", "tcp4", "127.0.0.1:8080")
	b.reaches(b.lan, "tcp4", hostIP+":8081")
	b.doesNotReach(b.lan, "tcp4", hostIP+":8080")
	b.doesNotReach(job.Netns, "tcp4", hostIP+":8080")
	b.doesNotReach(job.Netns, "tcp4", at(web.Interfaces[0].Gateway, 8080))
	b.doesNotReach("", "tcp4", "127.0.0.1:8081")
}

// A neighbour can send to the host, by its hardware address, what is addressed
// to the loopback (CVE-2020-8558).
func TestAPortOfTheLoopbackIsOutOfReachForNeighbours(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web, job := b.attach("web", "shop_default"), b.attach("job", "shop_default")
	b.publish(web, "127.0.0.1:8080:80/udp", hostIP+":8081:80/udp")
	inbox := b.inbox(web.Netns, ":80")
	b.routeLoopbackToHost(b.lan, net.ParseIP(hostIP))
	b.onlySecondArrives(inbox, b.lan, "127.0.0.1:8080", hostIP+":8081")
	b.routeLoopbackToHost(job.Netns, job.Interfaces[0].Gateway.AsSlice())
	b.onlySecondArrives(inbox, job.Netns, "127.0.0.1:8080", hostIP+":8081")
	b.onlySecondArrives(inbox, "", "192.0.2.1:8080", "127.0.0.1:8080")
}

func TestPublishReplacesWhatTheContainerHad(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	b.serve(web.Netns, "tcp4", ":80")
	b.publish(web, "8080:80/tcp", "8081:80/tcp")
	b.publish(web, "8081:80/tcp", "8082:80/tcp")
	b.publish(web, "8081:80/tcp", "8082:80/tcp")
	b.reaches(b.lan, "tcp4", hostIP+":8081")
	b.reaches(b.lan, "tcp4", hostIP+":8082")
	b.doesNotReach(b.lan, "tcp4", hostIP+":8080")
	if ms, err := b.n.rules.Published(); err != nil || len(ms) != 2 {
		t.Errorf("mapped: %v (%v), want 2", ms, err)
	}
	e, err := endpoint.Read(b.p.Endpoints(), "web")
	if err != nil || len(e.Ports) != 2 {
		t.Errorf("recorded: %v (%v), want 2", e.Ports, err)
	}
}

func TestAPortOfAnotherContainerIsNotTaken(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web, thief := b.attach("web", "shop_default"), b.attach("thief", "shop_default")
	b.publish(web, "8080:80/tcp")
	thief.Ports = []endpoint.Port{testPort(t, "8080:80/tcp")}
	err := b.n.Publish(t.Context(), thief)
	if !errors.Is(err, ErrPublished) || !strings.Contains(err.Error(), "container web") {
		t.Errorf("Publish: %v, want that container web has the port", err)
	}
	must(t, b.n.Detach(t.Context(), "web"))
	must(t, b.n.Publish(t.Context(), thief))
	b.serve(thief.Netns, "tcp4", ":80")
	b.reaches(b.lan, "tcp4", hostIP+":8080")
}

func TestThousandsOfPortsArePublished(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web := b.attach("web", "shop_default")
	var ports []string
	for i := range 3000 {
		ports = append(ports, fmt.Sprintf("%d:80/tcp", 20000+i), fmt.Sprintf("127.0.0.1:%d:80/tcp", 30000+i))
	}
	b.publish(web, ports...)
	must(t, b.n.Restore(t.Context()))
	ms, err := b.n.rules.Published()
	if err != nil || len(ms) != len(ports) {
		t.Errorf("mapped: %d (%v), want %d", len(ms), err, len(ports))
	}
}

// A client of UDP that goes on sending from one port is one flow for the kernel:
// without help it would stay on the way it went first.
func TestAUDPClientFindsTheNewContainer(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	old := b.attach("old", "shop_default")
	b.publish(old, "5000:5000/udp")
	b.serve(old.Netns, "udp4", ":5000")
	var c net.Conn
	must(t, within(b.lan, func() (err error) {
		c, err = net.Dial("udp4", hostIP+":5000")
		return err
	}))
	defer c.Close()
	b.answers(c)
	must(t, b.n.Detach(t.Context(), "old"))
	_, _ = c.Write([]byte("?")) // nobody is there: a flow to this host's own port

	fresh := b.attach("fresh", "shop_default")
	b.publish(fresh, "5000:5000/udp")
	b.serve(fresh.Netns, "udp4", ":5000")
	b.answers(c)
}

// answers sends and waits for the answer. What was sent to nobody before comes
// back as an error first, in the place of the next packet.
func (b *bed) answers(c net.Conn) {
	b.t.Helper()
	must(b.t, c.SetReadDeadline(time.Now().Add(patience)))
	if _, err := c.Write([]byte("?")); err != nil {
		_, err = c.Write([]byte("?"))
		must(b.t, err)
	}
	if _, err := c.Read(make([]byte, 64)); err != nil {
		b.t.Errorf("no answer over UDP: %v", err)
	}
}

// replicas attaches containers of one service that have the port.
func (b *bed) replicas(port string, ids ...string) (es []endpoint.Endpoint) {
	b.t.Helper()
	for _, id := range ids {
		req := request(id, "shop_default")
		req.Service = "web"
		e, err := b.n.Attach(b.t.Context(), req)
		must(b.t, err)
		es = append(es, b.publish(e, port))
	}
	return es
}

// A Detach takes the ports away first, and the record last.
func TestAPortOfAContainerThatIsBeingDetachedIsNotPublishedAgain(t *testing.T) {
	for who, comes := range map[string]func(b *bed) error{
		"a replica that ends too":   func(b *bed) error { return b.n.Detach(b.t.Context(), "web-2") },
		"who makes the rules again": func(b *bed) error { return errors.Join(b.n.Detach(b.t.Context(), "web-2"), b.n.Restore(b.t.Context())) },
	} {
		t.Run(who, func(t *testing.T) {
			b := newBed(t)
			b.network("shop_default")
			ending := b.replicas("8080:80/tcp", "web-1", "web-2")[0]
			must(t, b.n.unpublish(t.Context(), ending))
			must(t, comes(b))
			for _, step := range []func(context.Context, endpoint.Endpoint) error{b.n.unplug, b.n.unbind, b.n.release} {
				must(t, step(t.Context(), ending))
			}
			if ms, err := b.n.rules.Published(); err != nil || len(ms) > 0 {
				t.Errorf("mapped: %v (%v)", ms, err)
			}
		})
	}
}

// A network's programs ask others at ports that are published here too: for 53
// and 443 that is so all the time.
func TestFlowsToTheSamePortOfOthersAreRemembered(t *testing.T) {
	b := newBed(t)
	b.network("shop_default")
	web, db := b.attach("web", "shop_default"), b.attach("db", "shop_default")
	b.send(db.Netns, lanIP+":5353", "a question")
	b.send(b.lan, hostIP+":5353", "another")
	flows := func() (to []string) {
		h, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
		must(t, err)
		defer h.Close()
		all, err := h.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
		must(t, err)
		for _, f := range all {
			if f.Forward.DstPort == 5353 {
				to = append(to, f.Forward.DstIP.String())
			}
		}
		return to
	}
	b.eventually("both flows are known", func() bool { return len(flows()) == 2 })
	b.publish(web, "5353:53/udp")
	if left := flows(); !slices.Equal(left, []string{lanIP}) {
		t.Errorf("the flows that are left are to %v, want %s", left, lanIP)
	}
}
