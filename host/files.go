package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

// The files of a container's folder that are bound into it.
const (
	hostsFile    = "hosts"
	hostnameFile = "hostname"
	resolvFile   = "resolv.conf"
)

// hostGateway is the address in extra_hosts that stands for the host itself.
const hostGateway = "host-gateway"

// ShortID returns the 12 hexadecimal digits that stand for a container where
// Docker shows a short ID: its default host name, and a name in DNS.
func ShortID(id string) string { return spec.Hostname(id, project.Container{}) }

// files maps paths in the container to the files of its folder.
func files(dir string) map[string]string {
	return map[string]string{
		"/etc/hosts":       filepath.Join(dir, hostsFile),
		"/etc/hostname":    filepath.Join(dir, hostnameFile),
		"/etc/resolv.conf": filepath.Join(dir, resolvFile),
	}
}

// texts are what is in the bound files.
type texts struct{ hostname, hosts, resolv []byte }

// write puts the bound files in place. They are written in place and never
// renamed over: a mount stays with the file it was made from.
func (t texts) write(dir string) error {
	return errors.Join(
		os.WriteFile(filepath.Join(dir, hostnameFile), t.hostname, 0o644),
		os.WriteFile(filepath.Join(dir, hostsFile), t.hosts, 0o644),
		os.WriteFile(filepath.Join(dir, resolvFile), t.resolv, 0o644),
	)
}

// writeFiles writes what a container that is about to start finds.
func (h *Host) writeFiles(ctx context.Context, c containerd.Container, e endpoint.Endpoint) error {
	dir, want := h.cfg.Paths.Container(c.ID), c.Record.Spec
	name := hostname(want, spec.Hostname(c.ID, want))
	gateway, err := h.gateway(ctx, e)
	if err != nil {
		return err
	}
	resolv, err := readHost("/etc/resolv.conf")
	if err != nil {
		return err
	}
	switch {
	case want.NetworkMode == project.ModeHost, e.Of == networks.HostNamespace:
		known, err := readHost("/etc/hosts")
		if err != nil {
			return err
		}
		return texts{
			[]byte(name + "\n"),
			append(known, entries(want.ExtraHosts, netip.AddrFrom4([4]byte{127, 0, 0, 1}))...),
			hostResolv(resolv, want.DNS),
		}.write(dir)
	case e.Of != "":
		owner := h.cfg.Paths.Container(e.Of)
		known, err := os.ReadFile(filepath.Join(owner, hostsFile))
		if err != nil {
			return err
		}
		resolv, err := os.ReadFile(filepath.Join(owner, resolvFile))
		if err != nil {
			return err
		}
		return texts{[]byte(name + "\n"), h.withOwnName(known, name, e.Of), resolv}.write(dir)
	}
	return texts{[]byte(name + "\n"), hosts(hostsRequest{want, name, e, gateway}), resolvConf(resolv, want.DNS)}.write(dir)
}

// hostname is the host's own in its namespace, unless the container has one.
func hostname(want project.Container, name string) string {
	hosts := want.NetworkMode == project.ModeHost || want.Namespaces.UTS == project.NamespaceHost
	if want.Hostname == "" && hosts {
		if own, err := os.Hostname(); err == nil {
			return own
		}
	}
	return name
}

// withOwnName adds the name of a container to the hosts of the one whose
// addresses it has.
func (h *Host) withOwnName(known []byte, name, owner string) []byte {
	e, err := endpoint.Read(h.cfg.Paths.Endpoints(), owner)
	if err != nil {
		return known // it is about to end
	}
	return append(known, ownEntries(e, name)...)
}

// gateway is what host-gateway means for a container: the host's address on its
// default network, or on any that it is on.
func (h *Host) gateway(ctx context.Context, e endpoint.Endpoint) (netip.Addr, error) {
	var found netip.Addr
	for _, i := range e.Interfaces {
		for _, g := range []netip.Addr{i.Gateway, i.Gateway6} {
			if g.IsValid() && (!found.IsValid() || i.Default && !found.Is4()) && !i.Apart {
				found = g
			}
		}
		if i.Default && i.Gateway.IsValid() && !i.Apart {
			return i.Gateway, nil
		}
	}
	if found.IsValid() || len(e.Interfaces) == 0 {
		return found, nil
	}
	for _, i := range e.Interfaces {
		if i.Apart { // its gateway is the LAN's, and the host is out of reach
			continue
		}
		r, ok, err := h.networks.Get(ctx, i.Network)
		if err != nil || ok && len(r.Pools) > 0 {
			return firstGateway(r), err
		}
	}
	return netip.Addr{}, nil
}

func firstGateway(r networks.Record) netip.Addr {
	if len(r.Pools) == 0 {
		return netip.Addr{}
	}
	return r.Pools[0].Gateway
}

// hostsRequest is what goes into /etc/hosts.
type hostsRequest struct {
	want     project.Container
	name     string
	endpoint endpoint.Endpoint
	gateway  netip.Addr // zero: there is none
}

// hosts is /etc/hosts as Docker writes it: localhost, extra_hosts, then the
// container's own addresses.
func hosts(r hostsRequest) []byte {
	b := []byte("127.0.0.1\tlocalhost\n" +
		"::1\tlocalhost ip6-localhost ip6-loopback\n" +
		"fe00::\tip6-localnet\n" +
		"ff00::\tip6-mcastprefix\n" +
		"ff02::1\tip6-allnodes\n" +
		"ff02::2\tip6-allrouters\n")
	b = append(b, entries(r.want.ExtraHosts, r.gateway)...)
	names := r.name
	if r.want.Domainname != "" {
		names = r.name + "." + r.want.Domainname + " " + r.name
	}
	return append(b, ownEntries(r.endpoint, names)...)
}

// entries are extra_hosts. Without a gateway there is no host-gateway.
func entries(extra []string, gateway netip.Addr) []byte {
	var b bytes.Buffer
	for _, x := range extra {
		host, addr, _ := strings.Cut(x, "=")
		if addr == hostGateway {
			if !gateway.IsValid() {
				continue
			}
			addr = gateway.String()
		}
		fmt.Fprintf(&b, "%s\t%s\n", addr, host)
	}
	return b.Bytes()
}

func ownEntries(e endpoint.Endpoint, names string) []byte {
	var b bytes.Buffer
	for _, i := range e.Interfaces {
		for _, p := range []netip.Prefix{i.Address, i.Address6} {
			if p.IsValid() {
				fmt.Fprintf(&b, "%s\t%s\n", p.Addr(), names)
			}
		}
	}
	return b.Bytes()
}

// readHost reads a file of the host, which need not be there.
func readHost(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// resolvConf sends all questions to our resolver, which answers in the
// container's own network namespace. The host's search domains are kept, unless
// the container has its own.
func resolvConf(host []byte, own project.Resolver) []byte {
	var b bytes.Buffer
	b.WriteString("nameserver 127.0.0.11\n")
	writeSearch(&b, host, own.Search)
	options := own.Options
	if !slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "ndots:") }) {
		options = append(slices.Clone(options), "ndots:0")
	}
	fmt.Fprintf(&b, "options %s\n", strings.Join(options, " "))
	return b.Bytes()
}

// hostResolv is for a container in the host's namespace, where our resolver is
// not: the host's file, unless the container has something of its own.
func hostResolv(host []byte, own project.Resolver) []byte {
	if len(own.Servers) == 0 && len(own.Options) == 0 && own.Search == nil {
		return host
	}
	var b bytes.Buffer
	for _, s := range own.Servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	if len(own.Servers) == 0 {
		for _, f := range directives(host, "nameserver") {
			fmt.Fprintf(&b, "nameserver %s\n", strings.Join(f, " "))
		}
	}
	writeSearch(&b, host, own.Search)
	if len(own.Options) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(own.Options, " "))
	}
	return b.Bytes()
}

// noSearch is what dns_search has for no domain at all.
const noSearch = "."

func writeSearch(b *bytes.Buffer, host []byte, own []string) {
	if own != nil {
		own = slices.DeleteFunc(slices.Clone(own), func(d string) bool { return d == noSearch })
		if len(own) > 0 {
			fmt.Fprintf(b, "search %s\n", strings.Join(own, " "))
		}
		return
	}
	for _, f := range directives(host, "search") {
		fmt.Fprintf(b, "search %s\n", strings.Join(f, " "))
	}
}

// directives returns the words behind each line's keyword in a resolv.conf(5).
func directives(file []byte, keyword string) [][]string {
	var out [][]string
	for line := range strings.Lines(string(file)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == keyword {
			out = append(out, f[1:])
		}
	}
	return out
}
