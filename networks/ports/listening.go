package ports

import (
	"net/netip"
	"slices"

	"github.com/gocompose/gocompose/networks/netns"
)

// Listening tells whether programs in the network namespace bound at path take
// connections from outside of it to all of the TCP ports.
func Listening(path string, tcp []uint16) (bool, error) {
	var all []socket
	err := netns.Do(path, func() error {
		all = bound("tcp")
		return nil
	})
	return err == nil && answered(all, tcp), err
}

// answered: who listens on its loopback only hears nobody from outside.
func answered(all []socket, tcp []uint16) bool {
	for _, port := range tcp {
		if !slices.ContainsFunc(all, func(s socket) bool { return heard(s.at, port) }) {
			return false
		}
	}
	return true
}

func heard(at netip.AddrPort, port uint16) bool { return at.Port() == port && !at.Addr().IsLoopback() }
