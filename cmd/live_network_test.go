//go:build live

package cmd_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/livetest"
)

// inside SERVICE COMMAND... runs the command of the image in the service's
// container, SERVICE/2 in its second.
func inside(ts *testscript.TestScript, neg bool, args []string) {
	if err := enter(ts, args); (err != nil) != neg {
		ts.Fatalf("%v: %v", args, err)
	}
}

func enter(ts *testscript.TestScript, args []string) error {
	pid, err := processOf(ts, args[0])
	if err != nil {
		return err
	}
	return ts.Exec("nsenter", append([]string{"-t", pid, "-m", "-n", "-u", "--"}, args[1:]...)...)
}

// processOf returns the first process of a service's container.
func processOf(ts *testscript.TestScript, service string) (string, error) {
	service, number, ok := strings.Cut(service, "/")
	if !ok {
		number = "1"
	}
	err := ts.Exec("gocompose", "inspect", "--index", number, "--format", "{{.State.Pid}}", service)
	pid := strings.TrimSpace(ts.ReadFile("stdout"))
	if err == nil && pid == "0" {
		err = errors.New("it does not run")
	}
	return pid, err
}

// ask SERVICE [tcp] NAME TYPE PATTERN has the container's name server asked from
// its network namespace, until the answer matches. The answer is one line: the
// code, and what each record says, sorted.
func ask(ts *testscript.TestScript, neg bool, args []string) {
	network := "udp"
	if args[1] == "tcp" {
		network, args = "tcp", slices.Delete(slices.Clone(args), 1, 2)
	}
	want := regexp.MustCompile(args[3])
	pid, err := processOf(ts, args[0])
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for {
		answer, err := query(pid, network, args[1], dns.StringToType[args[2]])
		if err == nil && want.MatchString(answer) != neg {
			fmt.Fprintln(ts.Stdout(), answer)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s %s: %q (%v), want %q", args[1], args[2], answer, err, args[3])
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func query(pid, network, name string, kind uint16) (string, error) {
	if kind == dns.TypePTR {
		var err error
		if name, err = dns.ReverseAddr(name); err != nil {
			return "", err
		}
	}
	var conn net.Conn
	err := inNamespaceOf(pid, func() (err error) {
		conn, err = net.DialTimeout(network, "127.0.0.11:53", patience)
		return err
	})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	client := dns.Client{Net: network, Timeout: patience}
	reply, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion(dns.Fqdn(name), kind), &dns.Conn{Conn: conn})
	if err != nil {
		return "", err
	}
	var answers []string
	for _, rr := range reply.Answer {
		answers = append(answers, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(answers)
	return strings.Join(append([]string{dns.RcodeToString[reply.Rcode]}, answers...), " "), nil
}

// inNamespaceOf calls fn in the network namespace of a process.
func inNamespaceOf(pid string, fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns, err := os.Open(filepath.Join("/proc", pid, "ns/net"))
		if err == nil {
			defer ns.Close()
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = fn()
		}
		done <- err
	}()
	return <-done
}

// nameserver ADDRESS FILE is a name server on port 53 of an address of the host
// until the script ends. Every name of it has the address 192.0.2.7; FILE has the
// names it was asked for, one a line.
func nameserver(ts *testscript.TestScript, neg bool, args []string) {
	log, err := os.OpenFile(ts.MkAbs(args[1]), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	ts.Check(err)
	answer := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		for _, question := range q.Question {
			fmt.Fprintln(log, question.Name)
			if question.Qtype == dns.TypeA {
				reply.Answer = append(reply.Answer, &dns.A{
					Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1},
					A:   net.IPv4(192, 0, 2, 7),
				})
			}
		}
		_ = w.WriteMsg(reply) // who does not hear it asks again
	})
	packets, err := net.ListenPacket("udp", net.JoinHostPort(args[0], "53"))
	ts.Check(err)
	streams, err := net.Listen("tcp", net.JoinHostPort(args[0], "53"))
	ts.Check(err)
	var work sync.WaitGroup
	servers := []*dns.Server{{PacketConn: packets, Handler: answer}, {Listener: streams, Handler: answer}}
	for _, s := range servers {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		work.Go(func() { _ = s.ActivateAndServe() })
		<-started
	}
	ts.Defer(func() {
		for _, s := range servers {
			_ = s.Shutdown()
		}
		work.Wait()
		log.Close()
	})
}

// udpecho SERVICE PORT answers datagrams in the container's network namespace,
// until the script ends, with the service and whom it sees asking.
func udpEcho(ts *testscript.TestScript, neg bool, args []string) {
	pid, err := processOf(ts, args[0])
	ts.Check(err)
	var conn net.PacketConn
	ts.Check(inNamespaceOf(pid, func() (err error) {
		conn, err = net.ListenPacket("udp", ":"+args[1])
		return err
	}))
	var work sync.WaitGroup
	work.Go(func() {
		buf := make([]byte, 1500)
		for {
			_, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(fmt.Appendf(nil, "%s sees %s", args[0], from), from)
		}
	})
	ts.Defer(func() {
		conn.Close()
		work.Wait()
	})
}

// udp ADDRESS PATTERN sends a datagram to it again and again, until an answer
// matches; ! udp ADDRESS succeeds when nobody listens there.
func udp(ts *testscript.TestScript, neg bool, args []string) {
	deadline := time.Now().Add(patience)
	for {
		answer, err := datagram(args[0])
		switch {
		case neg && err == nil:
			ts.Fatalf("%s answered: %s", args[0], answer)
		case neg && errors.Is(err, unix.ECONNREFUSED):
			return
		case !neg && err == nil && regexp.MustCompile(args[1]).MatchString(answer):
			fmt.Fprintln(ts.Stdout(), answer)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: %q (%v)", args[0], answer, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func datagram(address string) (string, error) {
	c, err := net.Dial("udp", address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte("hello\n")); err != nil {
		return "", err
	}
	buf := make([]byte, 1500)
	n, err := c.Read(buf)
	return string(buf[:n]), err
}

// freeport NAME... sets variables to ports that nobody listens on.
func freePort(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		port, err := livetest.FreePort()
		ts.Check(err)
		ts.Setenv(name, port)
	}
}

// freeports NAME... sets variables to ports that follow each other, of which
// nobody has one, of TCP or UDP.
func freePorts(ts *testscript.TestScript, neg bool, args []string) {
	free := func(port int) bool {
		at := fmt.Sprintf(":%d", port)
		l, err := net.Listen("tcp", at)
		if err != nil {
			return false
		}
		defer l.Close()
		p, err := net.ListenPacket("udp", at)
		if err == nil {
			p.Close()
		}
		return err == nil
	}
	found := 0
	// Below those that programs are given which do not ask for a certain one.
	for port := 20000 + rand.IntN(10000); found < len(args); port++ {
		if found++; !free(port) {
			found = 0
		}
		if found == len(args) {
			for i, name := range args {
				ts.Setenv(name, fmt.Sprint(port-len(args)+1+i))
			}
		}
	}
}

// listen ADDRESS, or listen udp ADDRESS, is another program that has the port,
// until the script ends.
func listen(ts *testscript.TestScript, neg bool, args []string) {
	if args[0] == "udp" {
		l, err := net.ListenPacket("udp", args[1])
		ts.Check(err)
		ts.Defer(func() { l.Close() })
		return
	}
	l, err := net.Listen("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { l.Close() })
}

// hostAddress NAME sets a variable to an address of IPv4 that the host has on a
// link that is not ours.
func hostAddress(ts *testscript.TestScript, neg bool, args []string) {
	links, err := net.Interfaces()
	ts.Check(err)
	for _, l := range links {
		addrs, err := l.Addrs()
		ts.Check(err)
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() && !strings.HasPrefix(l.Name, "gc") {
				ts.Setenv(args[0], p.Addr().String())
				return
			}
		}
	}
	ts.Fatalf("this host has no address but its loopback")
}

// hammering are clients that ask one URL again and again, each request on a
// connection of its own.
type hammering struct {
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	answers map[string]int
	failed  []error
}

// hammers keeps those that are at work, by script. hammer URL starts one;
// hammered ends it, fails when one request did, and prints each answer once with
// how often it was given.
func hammers() (hammer, hammered func(*testscript.TestScript, bool, []string)) {
	var mu sync.Mutex
	at := map[*testscript.TestScript]*hammering{}
	end := func(ts *testscript.TestScript) *hammering {
		mu.Lock()
		h := at[ts]
		delete(at, ts)
		mu.Unlock()
		if h != nil {
			h.stop()
			h.work.Wait()
		}
		return h
	}
	hammer = func(ts *testscript.TestScript, _ bool, args []string) {
		ctx, stop := context.WithCancel(context.Background())
		h := &hammering{stop: stop, answers: map[string]int{}}
		for range 2 {
			h.work.Go(func() { h.ask(ctx, args[0]) })
		}
		mu.Lock()
		at[ts] = h
		mu.Unlock()
		ts.Defer(func() { end(ts) })
	}
	hammered = func(ts *testscript.TestScript, _ bool, _ []string) {
		h := end(ts)
		n := 0
		for answer, times := range h.answers {
			fmt.Fprintf(ts.Stdout(), "%s: %d\n", answer, times)
			n += times
		}
		if len(h.failed) > 0 || n == 0 {
			ts.Fatalf("%d of %d requests failed: %v", len(h.failed), len(h.failed)+n, errors.Join(h.failed...))
		}
	}
	return hammer, hammered
}

func (h *hammering) ask(ctx context.Context, url string) {
	for ctx.Err() == nil {
		body, err := get(url)
		h.mu.Lock()
		if err != nil {
			h.failed = append(h.failed, fmt.Errorf("%s: %w", time.Now().Format("05.000"), err))
		} else {
			h.answers[strings.TrimSpace(body)]++
		}
		h.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Millisecond):
		}
	}
}
