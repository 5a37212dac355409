package loader

import (
	"net/netip"
	"slices"

	"github.com/gocompose/gocompose/project"
)

// keepAddresses tells each container which addresses of its networks others have
// for themselves: these are not given to it, whoever starts first.
func keepAddresses(services []project.Service) {
	type owned struct {
		service string
		addr    netip.Addr
	}
	fixed := map[string][]owned{}
	for _, s := range services {
		for _, e := range s.Template.Networks {
			for _, a := range []netip.Addr{e.IPv4, e.IPv6} {
				if a.IsValid() {
					fixed[e.Network] = append(fixed[e.Network], owned{s.Name, a})
				}
			}
		}
	}
	for _, s := range services {
		lists := [][]project.Endpoint{s.Template.Networks}
		for _, p := range s.Template.Hooks.BeforeStart {
			lists = append(lists, p.Container.Networks)
		}
		for _, list := range lists {
			for i := range list {
				for _, o := range fixed[list[i].Network] {
					if o.service != s.Name {
						list[i].Others = append(list[i].Others, o.addr)
					}
				}
				slices.SortFunc(list[i].Others, netip.Addr.Compare)
			}
		}
	}
}
