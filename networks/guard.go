package networks

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/networks/passage"
)

// guardRest is how long changes of others are collected before it is looked
// whether they have touched anything of ours: a firewall that starts makes a
// hundred of them.
const guardRest = 100 * time.Millisecond

// passageTime is how long a program of iptables may take.
const passageTime = 10 * time.Second

// Guard keeps networks as their records say, until ctx ends: when somebody has
// changed the packet filter or the links of the host, what is gone of ours is made
// again, and the filters of others let packets of ours pass. What cannot be done
// is told to report, nil when it could; it is tried again at the next change.
func (n *Networks) Guard(ctx context.Context, report func(error)) {
	// Netlink sockets are of the namespace of the thread that opens them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for ctx.Err() == nil {
		changes, err := passage.Watch(ctx)
		if err != nil {
			report(fmt.Errorf("watching the packet filter: %w", err))
		} else {
			report(n.check(ctx))
			for range changes {
				rest(ctx)
				if ctx.Err() == nil {
					report(n.check(ctx))
				}
			}
		}
		rest(ctx)
	}
}

func rest(ctx context.Context) {
	t := time.NewTimer(guardRest)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// check makes again what is gone. A network that is just being made or removed is
// waited for.
func (n *Networks) check(ctx context.Context) error {
	return n.locked(ctx, recordsLock, func() error {
		records, err := n.readAll()
		if err != nil || len(records) == 0 {
			return err
		}
		missing, err := missingLinks(records)
		if err != nil {
			return err
		}
		if missing {
			return n.restore(ctx)
		}
		return n.locked(ctx, rulesLock, func() error {
			ok, err := n.intact()
			if err == nil && !ok {
				err = n.rewriteRules()
			}
			return errors.Join(err, n.openPassage(ctx))
		})
	})
}

// missingLinks tells whether a bridge is gone.
func missingLinks(records []Record) (bool, error) {
	h, err := openLinks()
	if err != nil {
		return false, err
	}
	defer h.Close()
	for _, r := range records {
		if !r.bridged() {
			continue
		}
		if _, err := h.LinkByName(r.Link); isNotFound(err) {
			return true, nil
		} else if err != nil {
			return false, err
		}
	}
	return false, nil
}

// openPassage lets packets of ours pass the filters of others; once there is no
// network any more it undoes that, unless networks of another layout are left.
// The caller has the lock on rules.
func (n *Networks) openPassage(ctx context.Context) error {
	// A lock of iptables that is never let go of must hold up no container.
	ctx, cancel := context.WithTimeout(ctx, passageTime)
	defer cancel()
	records, err := n.readAll()
	if err != nil {
		return err
	}
	bridges, err := ourBridges()
	if err != nil {
		return err
	}
	own := slices.DeleteFunc(records, func(r Record) bool { return !r.bridged() })
	switch {
	case len(own) == 0 && len(bridges) > 0:
		return nil
	case len(own) == 0:
		return passage.Remove(ctx)
	}
	// Those of other layouts among them: otherwise each would take away the rules
	// of the other.
	names := []string{BridgePrefix + "*"}
	for _, r := range own {
		bridges = append(bridges, r.Link)
	}
	for _, name := range bridges {
		if !strings.HasPrefix(name, BridgePrefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	_, err = passage.Ensure(ctx, slices.Compact(names)...)
	return err
}

// ourBridges returns the names of the bridges of gocompose, of whatever layout.
func ourBridges() (names []string, err error) {
	h, err := openLinks()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	links, err := whole(h.LinkList)
	for _, l := range links {
		if a := l.Attrs(); strings.HasPrefix(a.Name, BridgePrefix) || a.Alias == bridgeAlias {
			names = append(names, a.Name)
		}
	}
	return names, err
}
