// Package endpoint keeps the record of each attached container's place on the
// network: written by whoever starts the container, read by the supervisor.
package endpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"regexp"
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
	// Netns is the path of the bound network namespace.
	Netns string `json:"netns"`
	// Interfaces are in the order of connection: the default route leaves by
	// the first one, and published ports lead to its address. None: the
	// container has only its loopback.
	Interfaces []Interface `json:"interfaces,omitempty"`
	// Ports are the published ones, each with the host port it has got.
	Ports []Port `json:"ports,omitempty"`
}

// Interface is a container's place in one network.
type Interface struct {
	Network  string       `json:"network"`  // the full name
	Name     string       `json:"name"`     // in the container: "eth0"
	HostName string       `json:"hostName"` // of the host's end of the pair
	Address  netip.Prefix `json:"address"`  // 172.24.0.2/22
	Gateway  netip.Addr   `json:"gateway"`
	MAC      string       `json:"mac"`
	// Names are those that the other containers of this network know the
	// container by: service, container name, aliases, short ID.
	Names []string `json:"names,omitempty"`
}

// Port is a published port with the host port it has got: Published, or a free
// one where that is 0.
type Port struct {
	project.Port
	HostPort uint16 `json:"hostPort"`
}

// String returns "127.0.0.1:32768->80/tcp".
func (p Port) String() string {
	p.Published = p.HostPort
	return p.Port.String()
}

// Address returns the address published ports lead to; ok is false for a
// container that is on no network.
func (e Endpoint) Address() (addr netip.Addr, ok bool) {
	if len(e.Interfaces) == 0 {
		return netip.Addr{}, false
	}
	return e.Interfaces[0].Address.Addr(), true
}

// validID is containerd's rule for container IDs: no ID is a path.
var validID = regexp.MustCompile(`^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$`)

// CheckID says what is wrong with a container ID, if anything.
func CheckID(id string) error {
	if !validID.MatchString(id) || len(id) > 76 {
		return fmt.Errorf("invalid container ID %q: letters and digits, with single . _ - between them, 76 at most", id)
	}
	return nil
}

func in(dir string) jsondir.Dir[Endpoint] { return jsondir.Dir[Endpoint]{Path: dir, Check: CheckID} }

// Write replaces the record of e.ID in dir in one step.
func Write(dir string, e Endpoint) error { return in(dir).Write(e.ID, e) }

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
