package cmd

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/networks/endpoint"
)

// publisher is a port as docker compose's `ps --format json` has it.
type publisher struct {
	URL           string
	TargetPort    uint16
	PublishedPort uint16
	Protocol      string
}

// publishers returns the published ports, and those that are only exposed, which
// are at no address of the host.
func publishers(i host.Info) []publisher {
	out := []publisher{}
	for _, p := range i.Ports {
		for _, url := range hostAddresses(p) {
			out = append(out, publisher{url, p.Target, p.HostPort, p.Protocol})
		}
	}
	for _, e := range exposed(i) {
		port, protocol, _ := strings.Cut(e, "/")
		n, err := strconv.ParseUint(port, 10, 16)
		if err == nil {
			out = append(out, publisher{"", uint16(n), 0, protocol})
		}
	}
	return out
}

// exposed returns the ports that are exposed and not published, "80/tcp", of a
// container that could be reached there.
func exposed(i host.Info) []string {
	var out []string
	if !hasProcess(i) || len(i.Spec.Networks) == 0 {
		return nil
	}
	for _, e := range i.Exposed {
		published := slices.ContainsFunc(i.Ports, func(p endpoint.Port) bool {
			return fmt.Sprintf("%d/%s", p.Target, p.Protocol) == e
		})
		if !published {
			out = append(out, e)
		}
	}
	return out
}

func hostAddresses(p endpoint.Port) []string {
	if p.HostIP == "" {
		return []string{"0.0.0.0", "::"}
	}
	return []string{p.HostIP}
}

// portRun is ports that follow each other.
type portRun struct{ first, last uint16 }

// portsText writes ports as docker does: those that are the same on the host and in
// the container, or only exposed, as ranges, and after them the others one by one.
func portsText(i host.Info) string {
	ports := publishers(i)
	slices.SortStableFunc(ports, func(x, y publisher) int { return cmp.Compare(x.TargetPort, y.TargetPort) })
	var runs, mapped []string
	open := map[publisher]*portRun{} // by address and protocol
	var order []publisher
	for _, p := range ports {
		if p.URL != "" && p.PublishedPort != p.TargetPort {
			at := net.JoinHostPort(p.URL, strconv.Itoa(int(p.PublishedPort)))
			mapped = append(mapped, fmt.Sprintf("%s->%d/%s", at, p.TargetPort, p.Protocol))
			continue
		}
		key := publisher{URL: p.URL, Protocol: p.Protocol}
		switch run := open[key]; {
		case run == nil:
			order = append(order, key)
			open[key] = &portRun{p.TargetPort, p.TargetPort}
		case p.TargetPort == run.last+1:
			run.last = p.TargetPort
		case p.TargetPort > run.last:
			runs = append(runs, run.text(key))
			*run = portRun{p.TargetPort, p.TargetPort}
		}
	}
	for _, key := range order {
		runs = append(runs, open[key].text(key))
	}
	return strings.Join(append(runs, mapped...), ", ")
}

func (r portRun) text(of publisher) string {
	ports := strconv.Itoa(int(r.first))
	if r.last > r.first {
		ports += "-" + strconv.Itoa(int(r.last))
	}
	if of.URL != "" {
		ports = net.JoinHostPort(of.URL, ports) + "->" + ports
	}
	return ports + "/" + of.Protocol
}
