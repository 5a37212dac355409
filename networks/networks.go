// Package networks connects containers: bridges, addresses, network namespaces,
// published ports, and the rules that keep one network from another.
//
// All of it is done over netlink by this process; no other program is run. Two
// kinds of records say what should be: one a network (<root>/networks), one an
// attached container (package endpoint). What the kernel holds is made from
// them and can be made again.
package networks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/networks/nft"
	"github.com/gocompose/gocompose/project"
)

// ErrNotFound: there is no network of that name.
var ErrNotFound = errors.New("no such network")

// ErrInUse: containers are attached to the network.
var ErrInUse = errors.New("network in use")

// Networks is all networks of one layout. Its methods may be called from many
// goroutines and many processes at once; calls for one container ID must
// follow one another.
type Networks struct {
	paths paths.Paths
	rules *nft.Table
	links linkRemover
}

// Open returns the networks of the layout. Nothing is touched before it is
// used.
func Open(p paths.Paths) (*Networks, error) {
	return &Networks{paths: p, rules: nft.New(tableName(p))}, nil
}

// Close lets go of the connection to the kernel, if there is one. The networks
// stay, and may be used again.
func (n *Networks) Close() error { return n.rules.Close() }

// Locks. The one on records is taken before the one on rules, when both are.
const (
	recordsLock = "networks" // network records, who holds which address
	rulesLock   = "nftables" // reading and changing the ruleset
)

func (n *Networks) locked(ctx context.Context, name string, do func() error) error {
	l, err := flock.Acquire(ctx, n.lockPath(name))
	if err != nil {
		return fmt.Errorf("waiting for the lock on %s: %w", name, err)
	}
	return errors.Join(do(), l.Unlock())
}

// CreateNetwork makes the network, or makes whole what there is of it. A
// network that exists keeps its subnet.
func (n *Networks) CreateNetwork(ctx context.Context, want project.Network) error {
	// Nobody removes it in between: what is made of it then would be nobody's.
	return n.locked(ctx, recordsLock, func() error {
		r, err := n.record(want)
		if err != nil {
			return err
		}
		return n.ensure(ctx, r)
	})
}

// record returns the network's record, and writes it first when there is none.
// The caller has the lock on records.
func (n *Networks) record(want project.Network) (Record, error) {
	r, err := n.read(want.Name)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return r, err
	}
	if r, err = n.newRecord(want); err != nil {
		return Record{}, err
	}
	return r, n.write(r)
}

// newRecord chooses what the network leaves open. The caller has the lock on
// records.
func (n *Networks) newRecord(want project.Network) (Record, error) {
	others, err := n.readAll()
	if err != nil {
		return Record{}, err
	}
	taken, err := takenPrefixes()
	if err != nil {
		return Record{}, err
	}
	for _, o := range others {
		for _, p := range o.Pools {
			taken = append(taken, p.Subnet)
		}
	}
	pools, err := subnets{want, others, taken, n.paths.State + "\x00" + want.Name}.choose()
	if err != nil {
		return Record{}, err
	}
	r := Record{Network: want, Pools: pools, CreatedAt: time.Now().UTC()}
	if err := r.sparesHost(); err != nil {
		return Record{}, err
	}
	return r, n.chooseLink(&r, others)
}

// ensure makes in the kernel what the record says.
func (n *Networks) ensure(ctx context.Context, r Record) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if !r.bridged() {
		return ensureParent(r)
	}
	if err := n.enableForwarding(ctx, r); err != nil {
		return err
	}
	if err := ensureBridge(r); err != nil {
		return err
	}
	return n.locked(ctx, rulesLock, func() error {
		if ok, err := n.rules.Holds(r.Link); err != nil || ok {
			return err
		}
		return errors.Join(n.rewriteRules(), n.openPassage(ctx))
	})
}

// RemoveNetwork removes the network, whatever there is left of it. It fails
// with ErrInUse, and names them, while containers are attached.
func (n *Networks) RemoveNetwork(ctx context.Context, gone project.Network) error {
	return n.locked(ctx, recordsLock, func() error {
		if err := checkName(gone.Name); err != nil {
			return err
		}
		if err := n.checkUnused(gone.Name); err != nil {
			return err
		}
		if err := n.unmake(gone.Name); err != nil {
			return err
		}
		if err := n.forget(gone.Name); err != nil {
			return err
		}
		return n.locked(ctx, rulesLock, func() error { return n.settleRules(ctx) })
	})
}

// settleRules is rewriteRules once a network has gone; with the last one goes all
// that was changed for networks. The caller has the lock on rules.
func (n *Networks) settleRules(ctx context.Context) error {
	left, err := n.readAll()
	if err != nil {
		return err
	}
	if len(left) == 0 {
		if err := n.disableForwarding(); err != nil {
			return err
		}
	}
	return errors.Join(n.rewriteRules(), n.openPassage(ctx))
}

// unmake removes the link that was made for the network. One of the host's own
// stays.
func (n *Networks) unmake(name string) error {
	r, err := n.read(name)
	switch {
	case errors.Is(err, ErrNotFound):
		return removeLink(n.bridgeName(name))
	case err != nil:
		return err
	case r.bridged() || r.Made:
		return removeLink(r.Link)
	}
	return nil
}

func (n *Networks) checkUnused(name string) error {
	l, err := n.readLeases(name)
	if err != nil {
		return err
	}
	var users []string
	for _, id := range l.holders() {
		if isStep(id) {
			users = append(users, "an image that is built")
			continue
		}
		e, err := endpoint.Read(n.paths.Endpoints(), id)
		if errors.Is(err, endpoint.ErrNotFound) {
			continue // an attempt that was cut short before it made anything
		}
		if err != nil {
			return err
		}
		users = append(users, e.Name)
	}
	if len(users) > 0 {
		return fmt.Errorf("%w by %s: stop them first", ErrInUse, strings.Join(users, ", "))
	}
	return nil
}

// List returns the records of all networks that containers can be on, sorted by name.
func (n *Networks) List(context.Context) ([]Record, error) {
	all, err := n.readAll()
	return slices.DeleteFunc(all, func(r Record) bool { return r.Name == stepsNetwork().Name }), err
}

// Get returns the record of one network; ok is false when there is none.
func (n *Networks) Get(_ context.Context, name string) (r Record, ok bool, err error) {
	r, err = n.read(name)
	if errors.Is(err, ErrNotFound) {
		return Record{}, false, nil
	}
	return r, err == nil, err
}

// endpoints returns the records of attached containers that can be read. One that
// is damaged is the trouble of its own container; the supervisor tells of it.
func (n *Networks) endpoints() ([]endpoint.Endpoint, error) {
	es, err := endpoint.List(n.paths.Endpoints())
	if errors.Is(err, endpoint.ErrDamaged) {
		err = nil
	}
	return es, err
}

// Restore makes the kernel agree with the records again: after a reboot, after
// somebody flushed the ruleset or removed a bridge. What agrees is not touched,
// save the ruleset, which is replaced in one transaction. What cannot be made
// again keeps nothing else from it.
func (n *Networks) Restore(ctx context.Context) error {
	// A network that is just being removed must not come back.
	return n.locked(ctx, recordsLock, func() error { return n.restore(ctx) })
}

// restore needs the lock on records.
func (n *Networks) restore(ctx context.Context) error {
	records, err := n.readAll()
	if err != nil {
		return err
	}
	var failed []error
	for _, r := range records {
		if err := n.ensure(ctx, r); err != nil {
			failed = append(failed, fmt.Errorf("restoring %s: %w", r.ID(), err))
		}
	}
	es, err := n.endpoints()
	if err != nil {
		return errors.Join(append(failed, err)...)
	}
	for _, e := range es {
		if err := n.reconnect(e); err != nil {
			failed = append(failed, fmt.Errorf("restoring the network of container %s: %w", e.Name, err))
		}
	}
	err = n.locked(ctx, rulesLock, func() error { return n.settleRules(ctx) })
	return errors.Join(append(failed, err)...)
}
