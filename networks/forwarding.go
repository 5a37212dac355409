package networks

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/internal/jsondir"
)

// forwarding is what was changed for packets to be passed on between links. The
// host was no router before: between the links that it had then nothing is
// passed on, as nothing was. Links that come later belong to somebody who counts
// on forwarding.
type forwarding struct {
	// Links had IPv4, Links6 IPv6 not forwarded between them. Nil: it was on.
	Links  []string `json:"links,omitempty"`
	Links6 []string `json:"links6,omitempty"`
	// RouterAdvertisements are links that would no longer hear their router's
	// advertisements, and were told to.
	RouterAdvertisements []string `json:"routerAdvertisements,omitempty"`
}

const (
	sysctlForward  = "net/ipv4/ip_forward"
	sysctlForward6 = "net/ipv6/conf/all/forwarding"
)

func (n *Networks) forwardings() jsondir.Dir[forwarding] {
	return jsondir.Dir[forwarding]{Path: n.paths.Forwarding(), Check: checkName}
}

const forwardingName = "links"

func (n *Networks) forwarding() (forwarding, error) {
	f, err := n.forwardings().Read(forwardingName)
	if errors.Is(err, fs.ErrNotExist) {
		return forwarding{}, nil
	}
	return f, err
}

// enableForwarding lets the host pass packets on between its links, unless it
// does so already.
func (n *Networks) enableForwarding(ctx context.Context, r Record) error {
	need4 := len(r.pools(ipv4)) > 0 && !isSysctl(sysctlForward, "1")
	need6 := len(r.pools(ipv6)) > 0 && !isSysctl(sysctlForward6, "1")
	if !need4 && !need6 {
		return nil
	}
	return n.locked(ctx, rulesLock, func() error {
		f, err := n.forwarding()
		if err != nil {
			return err
		}
		links, err := n.foreignLinks()
		if err != nil {
			return err
		}
		if need4 {
			f.Links = links
		}
		if need6 {
			f.Links6 = links
			f.RouterAdvertisements = acceptingRouters(links)
		}
		if err := n.forwardings().Write(forwardingName, f); err != nil {
			return err
		}
		// The rules first: nothing passes in between.
		if err := n.rewriteRules(); err != nil {
			return err
		}
		return f.enable(need4, need6)
	})
}

func (f forwarding) enable(v4, v6 bool) error {
	if v4 {
		if err := setSysctl(sysctlForward, "1"); err != nil {
			return err
		}
	}
	if !v6 {
		return nil
	}
	for _, link := range f.RouterAdvertisements {
		if err := setSysctl("net/ipv6/conf/"+link+"/accept_ra", "2"); err != nil {
			return err
		}
	}
	return setSysctl(sysctlForward6, "1")
}

// acceptingRouters returns those of the links that hear router advertisements as
// long as the host is no router.
func acceptingRouters(links []string) []string {
	var out []string
	for _, link := range links {
		if isSysctl("net/ipv6/conf/"+link+"/accept_ra", "1") {
			out = append(out, link)
		}
	}
	return out
}

// disableForwarding undoes what was changed, once there is no network any more.
// When another layout has networks, or a link has come that is not ours, somebody
// else may count on it: then it stays, and so do the links closed that the host
// had before. The caller has the lock on rules.
func (n *Networks) disableForwarding() error {
	f, err := n.forwarding()
	if err != nil || f.Links == nil && f.Links6 == nil {
		return err
	}
	bridges, err := ourBridges()
	if err != nil || len(bridges) > 0 {
		return err
	}
	links, err := n.foreignLinks()
	if err != nil {
		return err
	}
	known := func(then []string) bool {
		return !slices.ContainsFunc(links, func(l string) bool { return !slices.Contains(then, l) })
	}
	if f.Links != nil && known(f.Links) {
		if err := setSysctl(sysctlForward, "0"); err != nil {
			return err
		}
		f.Links = nil
	}
	if f.Links6 != nil && known(f.Links6) {
		if err := f.disable6(); err != nil {
			return err
		}
		f.Links6 = nil
	}
	if f.Links != nil || f.Links6 != nil {
		return n.forwardings().Write(forwardingName, f)
	}
	return errors.Join(n.forwardings().Remove(forwardingName), removeIfEmpty(n.forwardings().Path))
}

func (f forwarding) disable6() error {
	if err := setSysctl(sysctlForward6, "0"); err != nil {
		return err
	}
	for _, link := range f.RouterAdvertisements {
		if err := setSysctl("net/ipv6/conf/"+link+"/accept_ra", "1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func removeIfEmpty(dir string) error {
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// foreignLinks returns the names of all links but the loopback and those of
// gocompose, of whatever layout. It is never nil.
func (n *Networks) foreignLinks() ([]string, error) {
	h, err := openLinks()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	all, err := whole(h.LinkList)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, l := range all {
		if a := l.Attrs(); a.Index != loopback && !strings.HasPrefix(a.Name, ourLinks) && a.Alias != bridgeAlias {
			names = append(names, a.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func isSysctl(name, value string) bool {
	is, err := os.ReadFile("/proc/sys/" + name)
	return err == nil && strings.TrimSpace(string(is)) == value
}
