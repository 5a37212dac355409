package networks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

// AttachRequest says where a container belongs.
type AttachRequest struct {
	ID      string // of the container
	Name    string
	Project string
	Service string
	// Endpoints in the order of connection. None: the container gets a loopback and
	// nothing else.
	Endpoints []NetworkEndpoint
	// Of is the ID of another container, which runs: its namespace is shared, and
	// there are no Endpoints. HostNamespace is the host's.
	Of string
	// DNSPort is where, on 127.0.0.11 in the container's namespace, questions
	// to 127.0.0.11:53 are answered; 0 leaves them alone.
	DNSPort uint16
	// Resolve goes into the record.
	Resolve endpoint.Names
}

// HostNamespace stands for the host where the ID of a container whose namespace
// is shared is asked for. No container has such an ID.
const HostNamespace = "host"

// NetworkEndpoint is a container's place in one network.
type NetworkEndpoint struct {
	project.Endpoint // the network must exist
	// Names the other containers of the network know it by.
	Names []string
}

// Attach makes the container's network namespace and connects it, or makes
// whole what there is of it; addresses that the container holds stay its own.
// An Attach that fails where there was nothing leaves nothing. The Ports of what
// it returns are those that are published for the container already.
func (n *Networks) Attach(ctx context.Context, req AttachRequest) (endpoint.Endpoint, error) {
	e, found, err := n.attached(ctx, req)
	if err == nil && !found {
		e, err = n.reserve(ctx, req)
	}
	if err == nil {
		err = n.connect(ctx, e, req.DNSPort)
	}
	if err == nil {
		return e, nil
	}
	err = fmt.Errorf("connecting container %s to its networks: %w", req.Name, err)
	if !found {
		err = errors.Join(err, n.Detach(context.WithoutCancel(ctx), req.ID))
	}
	return endpoint.Endpoint{}, err
}

// attached returns the record of an earlier Attach that asked for the same. One
// that asked for something else, or that nobody can read, is undone.
func (n *Networks) attached(ctx context.Context, req AttachRequest) (endpoint.Endpoint, bool, error) {
	e, err := endpoint.Read(n.paths.Endpoints(), req.ID)
	if errors.Is(err, endpoint.ErrNotFound) {
		return endpoint.Endpoint{}, false, nil
	}
	if err != nil && !errors.Is(err, endpoint.ErrDamaged) {
		return endpoint.Endpoint{}, false, err
	}
	if err == nil && e.Request == req.digest() {
		return e, true, nil
	}
	return endpoint.Endpoint{}, false, n.Detach(ctx, req.ID)
}

// digest stands for all that is asked for.
func (r AttachRequest) digest() string {
	b, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("networks: a request that is no JSON: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// reserve gives the container its addresses and writes them down.
func (n *Networks) reserve(ctx context.Context, req AttachRequest) (endpoint.Endpoint, error) {
	if err := endpoint.CheckID(req.ID); err != nil {
		return endpoint.Endpoint{}, err
	}
	e := endpoint.Endpoint{
		ID: req.ID, Name: req.Name, Project: req.Project, Service: req.Service,
		Netns: filepath.Join(n.paths.Netns(), req.ID), Names: req.Resolve, Request: req.digest(),
	}
	err := n.locked(ctx, recordsLock, func() error {
		if req.Of != "" {
			return n.join(&e, req.Of)
		}
		var rs []Record
		for i, want := range req.Endpoints {
			r, err := n.read(want.Network)
			if err != nil {
				return err
			}
			iface, err := n.lease(r, req, want)
			if err != nil {
				return err
			}
			if r.bridged() {
				iface.HostName = n.hostLinkName(req.ID, i)
			}
			e.Interfaces, rs = append(e.Interfaces, iface), append(rs, r)
		}
		nameInterfaces(e.Interfaces, rs)
		chooseDefaults(e.Interfaces, rs, req.Endpoints)
		return endpoint.Write(n.paths.Endpoints(), e)
	})
	return e, err
}

// lease gives the container its addresses in one network.
func (n *Networks) lease(r Record, req AttachRequest, want NetworkEndpoint) (endpoint.Interface, error) {
	i := endpoint.Interface{
		Network: r.Name, Name: want.Interface, Names: want.Names, MAC: want.MAC,
		LinkLocal: want.LinkLocal, Sysctls: want.Sysctls, Apart: !r.bridged(),
	}
	l, err := n.readLeases(r.Name)
	if err != nil {
		return i, err
	}
	for _, f := range r.families() {
		c := claim{id: req.ID, name: req.Name, family: f, fixed: want.IPv4, not: want.Others}
		if f == ipv6 {
			c.fixed = want.IPv6
		}
		addr, err := l.take(r, c)
		var taken *addressTakenError
		if errors.As(err, &taken) {
			err = taken.named(n.paths.Endpoints())
		}
		if err != nil {
			return i, err
		}
		settle(&i, r, addr)
	}
	return i, n.writeLeases(r.Name, l)
}

// settle writes down the address and what belongs to it. An internal network has
// no way out.
func settle(i *endpoint.Interface, r Record, addr netip.Addr) {
	p, _ := r.pool(addr)
	at, gateway := netip.PrefixFrom(addr, p.Subnet.Bits()), p.Gateway
	if r.Internal {
		gateway = netip.Addr{}
	}
	if addr.Is4() {
		i.Address, i.Gateway = at, gateway
	} else {
		i.Address6, i.Gateway6 = at, gateway
	}
	if i.MAC == "" {
		i.MAC = hardwareAddr(addr).String()
	}
}

// nameInterfaces gives names to those without: eth0, eth1, … by their places,
// but for names that others of them have.
func nameInterfaces(is []endpoint.Interface, rs []Record) {
	taken := map[string]bool{}
	for _, i := range is {
		taken[i.Name] = true
	}
	next := 0
	for n := range is {
		prefix := cmp.Or(rs[n].Options[optIfacePrefix], defaultIfPrefix)
		for is[n].Name == "" {
			if name := fmt.Sprint(prefix, next); !taken[name] {
				is[n].Name, taken[name] = name, true
			}
			next++
		}
	}
}

// chooseDefaults decides for each family which interface the default route leads
// through.
func chooseDefaults(is []endpoint.Interface, rs []Record, want []NetworkEndpoint) {
	best, best6 := -1, -1
	for n := range is {
		higher := func(than int) bool { return than < 0 || want[n].GatewayPriority > want[than].GatewayPriority }
		routed := rs[n].routed() && !rs[n].Internal
		if is[n].Address.IsValid() && (is[n].Gateway.IsValid() || routed) && higher(best) {
			best = n
		}
		if is[n].Address6.IsValid() && (is[n].Gateway6.IsValid() || routed) && higher(best6) {
			best6 = n
		}
	}
	if best >= 0 {
		is[best].Default = true
	}
	if best6 >= 0 {
		is[best6].Default6 = true
	}
}
