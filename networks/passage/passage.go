// Package passage gets packets of our containers past the filters of others.
//
// What our own table accepts, another base chain at the same hook may still
// drop: the kernel asks them all, and one drop is enough. So a rule of ours is
// needed in each filter that denies by default what is forwarded:
//
//   - nftables chains of others (firewalld's, hand-written ones): two rules at
//     the top. Only where a chain denies whatever it was not told to let through;
//     a chain that drops certain addresses, limits segment sizes or counts is left
//     alone, and is asked as before.
//   - tables of iptables-nft (Docker Engine, ufw): a chain GOCOMPOSE, to which
//     the first rule of FORWARD jumps. Written over netlink in the form in which
//     iptables itself writes it, so that iptables can read it.
//   - iptables-legacy: the same chain, by running iptables-legacy-restore. This
//     is the only program that is run, and only when something is missing.
//
// All that these rules say is: packets to one of our bridges pass (our own
// table decides what may enter), and so do packets from one, but not to a bridge
// of another engine, whose rules decide. So what stands further down is not asked
// about our packets: rules that a user keeps in DOCKER-USER or as routes of ufw
// among it.
//
// Others put their rules back when they start, restart and reload, and firewalld
// makes its table anew: then ours are gone, or no longer first, until Ensure is
// called again. Watch tells when. firewalld 2.1 and newer keeps its table to
// itself, where Ensure fails with an error that says what to tell firewalld.
//
// Chains of the bridge family are asked too about packets between containers of
// one network, but no firewall that we know of drops there by default.
package passage

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"golang.org/x/sys/unix"
)

// chainName is our chain in tables of iptables.
const chainName = "GOCOMPOSE"

// engines are how the names of other engines' bridges begin: Docker, Podman,
// libvirt, LXC, LXD, Incus, and what the CNI plugins make.
var engines = []string{"docker*", "br-*", "podman*", "virbr*", "lxcbr*", "lxdbr*", "incusbr*", "cni*"}

// attempts is how often changes are begun anew because others changed the rules
// meanwhile.
const attempts = 8

// Ensure lets packets to and from the links pass the filters of others: "br0" is
// one link, "gc-*" all whose names begin with gc-. It changes nothing when all is
// as it should be; changed tells whether something had to be done. When one filter
// cannot be changed the others still are.
//
// It works in the calling thread's network namespace: the caller holds the
// thread. Processes of ours should take turns; when they do not, rules may be
// there twice until the next call.
func Ensure(ctx context.Context, links ...string) (changed bool, err error) {
	return apply(ctx, goal{links: links})
}

// Remove takes all of it away, wherever it is found.
func Remove(ctx context.Context) error {
	_, err := apply(ctx, goal{remove: true})
	return err
}

// goal is what should be: rules for the links, or none.
type goal struct {
	links  []string
	remove bool
}

// every stands behind the beginning of the names of links.
const every = "*"

func apply(ctx context.Context, g goal) (changed bool, err error) {
	// A link's name has 15 characters at most.
	for _, p := range g.links {
		if !regexp.MustCompile(`^[A-Za-z0-9._-]{1,15}\*?$`).MatchString(p) {
			return false, fmt.Errorf("%q is neither the name of a link nor the beginning of some", p)
		}
	}
	inKernel, err := settle(ctx, g.applyToNFTables)
	legacy, lerr := settle(ctx, func() (bool, error) { return g.applyToLegacy(ctx) })
	if err = errors.Join(err, lerr); err != nil {
		err = fmt.Errorf("letting packets of containers pass the filters of others: %w", err)
	}
	return inKernel || legacy, err
}

// errMoved: others changed the rules while we read or changed them.
var errMoved = errors.New("others changed the rules meanwhile")

// settle calls do until nobody comes in between.
func settle(ctx context.Context, do func() (bool, error)) (changed bool, err error) {
	for range attempts {
		if err := context.Cause(ctx); err != nil {
			return changed, err
		}
		var did bool
		did, err = do()
		changed = changed || did
		if !moved(err) {
			break
		}
	}
	return changed, err
}

// moved tells of an error that it came from a change by others: what was read
// is not there any more, or already is.
func moved(err error) bool {
	for _, e := range []error{errMoved, unix.ENOENT, unix.EEXIST, unix.EAGAIN, unix.EBUSY, unix.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
