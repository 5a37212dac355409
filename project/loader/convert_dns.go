package loader

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// dnsName is what a container can be asked for by, and a domain: letters,
// digits, and between them also _ . -
var dnsName = lazily(`^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_])?$`)

// Lengths of names: of a host and its domain, sethostname(2) and setdomainname(2);
// of a domain, RFC 1035.
const (
	maxHostname = 64
	maxDomain   = 253
)

// hostname passes a name on that the kernel takes and /etc/hosts can hold.
func (p place) hostname(name string) string {
	switch {
	case name == "":
	case len(name) > maxHostname:
		p.problem("is longer than %d bytes", maxHostname)
	case !dnsName().MatchString(name):
		p.problem("%q is not a name: want letters, digits, and between them also _ . -", name)
	}
	return name
}

// hosts returns "name=address", sorted.
func (p place) hosts(list types.HostsList) []string {
	var out []string
	for name, addresses := range list {
		if strings.ContainsFunc(name, unprintable) || strings.Contains(name, "#") {
			p.near(name, "%q is not a name that /etc/hosts can hold", name)
			continue
		}
		for _, a := range addresses {
			ip, err := netip.ParseAddr(a)
			switch {
			case a == "host-gateway":
			case err != nil:
				p.near(name, "%s: %q is neither an IP address nor host-gateway", name, a)
				continue
			default:
				a = ip.String()
			}
			out = append(out, name+"="+a)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// resolver reads dns, dns_opt and dns_search.
func (p place) resolver(s types.ServiceConfig) project.Resolver {
	var out project.Resolver
	for i, text := range s.DNS {
		a, err := netip.ParseAddr(strings.Trim(text, "[]"))
		if err != nil || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
			p.in("dns", index(i)).near(text, "%q is not the IP address of a name server", text)
			continue
		}
		if a = a.Unmap(); !slices.Contains(out.Servers, a) {
			out.Servers = append(out.Servers, a)
		}
	}
	for i, text := range s.DNSOpts {
		if text == "" || strings.ContainsFunc(text, unprintable) {
			p.in("dns_opt", index(i)).near(text, "%q is not an option like ndots:2; see resolv.conf(5)", text)
			continue
		}
		if !slices.Contains(out.Options, text) {
			out.Options = append(out.Options, text)
		}
	}
	out.Search = p.search(s.DNSSearch)
	return out
}

// search returns nil for what is not given, and "." for no domains at all.
func (p place) search(list types.StringList) []string {
	if len(list) == 0 {
		return nil
	}
	var out []string
	for i, text := range list {
		domain := strings.TrimSuffix(text, ".")
		switch {
		case text == ".":
		case len(domain) > maxDomain || !dnsName().MatchString(domain):
			p.in("dns_search", index(i)).near(text, "%q is not a domain like example.com, or . for none", text)
		case !slices.Contains(out, text):
			out = append(out, text)
		}
	}
	if out == nil {
		return noSearch()
	}
	return out
}

// noSearch is what dns_search says for no domains at all.
func noSearch() []string { return []string{"."} }

// links reads links and external_links.
func (p place) links(s types.ServiceConfig) []project.Link {
	var out []project.Link
	add := func(key string, list []string, make func(name, alias string) project.Link) {
		for i, text := range list {
			name, alias, aliased := strings.Cut(text, ":")
			if !aliased {
				alias = name
			}
			if !resourceName().MatchString(name) || !dnsName().MatchString(alias) {
				p.in(key, index(i)).near(text, badLink, text)
				continue
			}
			out = append(out, make(name, alias))
		}
	}
	add("links", s.Links, func(name, alias string) project.Link {
		return project.Link{Service: name, Alias: alias}
	})
	add("external_links", s.ExternalLinks, func(name, alias string) project.Link {
		return project.Link{Container: name, Alias: alias}
	})
	slices.SortFunc(out, func(a, b project.Link) int {
		return cmp.Or(cmp.Compare(a.Alias, b.Alias), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Container, b.Container))
	})
	return slices.Compact(out)
}

const badLink = "%q is not NAME or NAME:ALIAS"

// checkLinks finds links that lead nowhere: a link is a name, not a connection.
func (p place) checkLinks(s types.ServiceConfig, t *project.Container) {
	if t.Networks[0].Network == project.DefaultBridge {
		return // whoever else is on it may come later
	}
	for i, text := range s.Links {
		name, _, _ := strings.Cut(text, ":")
		good := slices.ContainsFunc(t.Links, func(l project.Link) bool { return l.Service == name })
		other, ok := p.c.model.Services[name]
		if good && ok && !p.c.meet(s, other) {
			p.in("links", index(i)).warn("service %s is on no network that this one is on, so its name leads nowhere; "+
				"put both on one", name)
		}
	}
}

// meet tells whether two services have a network in common.
func (c *converter) meet(a, b types.ServiceConfig) bool {
	for key := range a.Networks {
		for other := range b.Networks {
			if key == other || c.networks[key].Name == c.networks[other].Name {
				return true
			}
		}
	}
	return false
}

// sortedSet returns each of the texts once, sorted.
func sortedSet(list []string) []string {
	out := slices.Sorted(slices.Values(list))
	return slices.Compact(out)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
