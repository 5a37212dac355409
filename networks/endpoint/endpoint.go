// Package endpoint keeps the record of each attached container's place on the
// network: written by whoever starts the container, read by the supervisor.
package endpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"regexp"
	"sync"
	"time"

	"github.com/gocompose/gocompose/internal/jsondir"
	"github.com/gocompose/gocompose/project"
)

var (
	// ErrNotFound: no container of that ID is attached.
	ErrNotFound = errors.New("no such endpoint")
	// ErrDamaged: there is a record, and it is not what was written.
	ErrDamaged = errors.New("damaged endpoint record")
)

// Endpoint is one container's place on the network.
//
// The record is written before the namespace is made, so that no address is
// ever used without a record: who reads it must be ready for a Netns that does
// not exist yet, or not any more.
type Endpoint struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Project string `json:"project,omitempty"`
	Service string `json:"service,omitempty"`
	// Netns is the path of the bound network namespace; empty: it is in the
	// host's, and has no interfaces of its own.
	Netns string `json:"netns,omitempty"`
	// Of is the ID of the container whose namespace this one is in, under a path
	// of its own; empty: its own. Whose it is has the interfaces, the ports and
	// the name server.
	Of string `json:"of,omitempty"`
	// Interfaces are in the order of connection. None: the container has only its
	// loopback.
	Interfaces []Interface `json:"interfaces,omitempty"`
	// Ports are the published ones, each with the host port it has got. A fixed
	// one may be that of other containers of its service too: what comes to it is
	// spread over those of them that take part.
	Ports []Port `json:"ports,omitempty"`
	// Resting: connections to ports that other replicas have too are not sent
	// here, as long as one of these takes part.
	Resting bool `json:"resting,omitempty"`
	// Names is what its name server needs beside the interfaces.
	Names Names `json:"names,omitzero"`
	// Request stands for what was asked for: another request is another endpoint.
	Request string `json:"request,omitempty"`
}

// Names says how a container's questions for names are answered.
type Names struct {
	// Links are names that this container alone knows.
	Links []project.Link `json:"links,omitempty"`
	// Services are those of its project: one that does not run does not exist, and
	// nobody else is asked for it.
	Services []string `json:"services,omitempty"`
	// Servers are asked in place of the host's, from the container's namespace.
	Servers []netip.Addr `json:"servers,omitempty"`
}

// Interface is a container's place in one network. It has an address of each
// family that the network has.
type Interface struct {
	Network   string       `json:"network"`            // the full name
	Name      string       `json:"name"`               // in the container: "eth0"
	HostName  string       `json:"hostName,omitempty"` // of the host's end of the pair; empty: there is none
	Address   netip.Prefix `json:"address,omitzero"`   // 172.24.0.2/22
	Address6  netip.Prefix `json:"address6,omitzero"`  // fd12:3456:789a::2/64
	Gateway   netip.Addr   `json:"gateway,omitzero"`   // zero: no way out by it
	Gateway6  netip.Addr   `json:"gateway6,omitzero"`  // the same of IPv6
	LinkLocal []netip.Addr `json:"linkLocal,omitempty"`
	// Default and Default6: the default route of the family leads through it, and
	// published ports to its address.
	Default  bool `json:"default,omitempty"`
	Default6 bool `json:"default6,omitempty"`
	// Apart: the host and this one do not reach each other: it is a share of one of
	// the host's links.
	Apart   bool              `json:"apart,omitempty"`
	MAC     string            `json:"mac"`
	Sysctls map[string]string `json:"sysctls,omitempty"` // with IFNAME for Name
	// Names are those that the other containers of this network know the
	// container by: service, container name, aliases, short ID.
	Names []string `json:"names,omitempty"`
}

// Port is a published port with the host port it has got: Published, or a free
// one of those that it may be.
type Port struct {
	project.Port
	HostPort uint16 `json:"hostPort"`
}

// Taken returns the port as one that is fixed: what it has got.
func (p Port) Taken() project.Port {
	p.Published, p.PublishedEnd = p.HostPort, 0
	return p.Port
}

// String returns "127.0.0.1:32768->80/tcp".
func (p Port) String() string { return p.Taken().String() }

// Address returns the address that published ports lead to, of IPv4 where there
// is one; ok is false for a container without any.
func (e Endpoint) Address() (addr netip.Addr, ok bool) {
	if addr, ok = e.address(func(i Interface) (bool, netip.Prefix) { return i.Default, i.Address }); ok {
		return addr, true
	}
	return e.Address6()
}

// Address6 is Address of IPv6 alone.
func (e Endpoint) Address6() (addr netip.Addr, ok bool) {
	return e.address(func(i Interface) (bool, netip.Prefix) { return i.Default6, i.Address6 })
}

// address returns the address of the default route's interface, or else the
// first there is.
func (e Endpoint) address(of func(Interface) (bool, netip.Prefix)) (addr netip.Addr, ok bool) {
	for _, i := range e.Interfaces {
		def, a := of(i)
		if i.Apart {
			continue
		}
		if a.IsValid() && (!ok || def) {
			addr, ok = a.Addr(), true
		}
		if def && ok {
			break
		}
	}
	return addr, ok
}

// validID is containerd's rule for container IDs: no ID is a path.
var validID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$`) })

// CheckID says what is wrong with a container ID, if anything.
func CheckID(id string) error {
	if !validID().MatchString(id) || len(id) > 76 {
		return fmt.Errorf("invalid container ID %q: letters and digits, with single . _ - between them, 76 at most", id)
	}
	return nil
}

func in(dir string) jsondir.Dir[Endpoint] { return jsondir.Dir[Endpoint]{Path: dir, Check: CheckID} }

// Write replaces the record of e.ID in dir in one step.
func Write(dir string, e Endpoint) error { return in(dir).Write(e.ID, e) }

// Rewrite is Write of a record that is there, about the same run of the container:
// WrittenAt stays.
func Rewrite(dir string, e Endpoint) error { return in(dir).Rewrite(e.ID, e) }

// Read returns the record of id, or ErrNotFound, or ErrDamaged.
func Read(dir, id string) (Endpoint, error) {
	e, err := in(dir).Read(id)
	var path *fs.PathError
	switch {
	case err == nil:
		return e, nil
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("endpoint %q: %w", id, ErrNotFound)
	case CheckID(id) == nil && !errors.As(err, &path): // it was read, and is none
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return Endpoint{}, err
}

// WrittenAt returns when the record of id was written last: not after the process
// that it is for began.
func WrittenAt(dir, id string) (time.Time, error) { return in(dir).WrittenAt(id) }

// IDs returns the IDs of all records, sorted, whether or not these can be read.
func IDs(dir string) ([]string, error) { return in(dir).Names() }

// List returns the records, sorted by ID. No folder is no records. When some are
// damaged, the error is ErrDamaged, and names them, and the others are returned
// with it: one container's record should keep no other container from anything.
// With any other error there are none.
func List(dir string) ([]Endpoint, error) {
	ids, err := IDs(dir)
	if err != nil {
		return nil, err
	}
	var es []Endpoint
	var damaged []error
	for _, id := range ids {
		e, err := Read(dir, id)
		switch {
		case errors.Is(err, ErrNotFound): // removed meanwhile
		case errors.Is(err, ErrDamaged):
			damaged = append(damaged, err)
		case err != nil:
			return nil, err
		default:
			es = append(es, e)
		}
	}
	return es, errors.Join(damaged...)
}

// Remove removes the record of id. No record is no error.
func Remove(dir, id string) error { return in(dir).Remove(id) }
