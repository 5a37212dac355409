package buildkit

import (
	"encoding/csv"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/moby/buildkit/util/entitlements"
)

// values are what the frontend itself goes by.
func (s *solve) values(r Request) error {
	b := r.Build
	// The time that images are to have is a variable of the user's everywhere.
	s.set("build-arg:SOURCE_DATE_EPOCH", os.Getenv("SOURCE_DATE_EPOCH"))
	for name, value := range b.Args {
		s.attrs["build-arg:"+name] = value
	}
	for name, value := range r.Labels {
		s.attrs["label:"+name] = value
	}
	for name, value := range b.Labels {
		s.attrs["label:"+name] = value
	}
	s.set("target", b.Target)
	s.set("platform", strings.Join(b.Platforms, ","))
	// Without pull an image that is in the store is taken, and no registry is asked.
	s.attrs["image-resolve-mode"] = "local"
	if b.Pull {
		s.attrs["image-resolve-mode"] = "pull"
	}
	switch {
	case b.NoCache:
		s.attrs["no-cache"] = "" // all stages
	case len(b.NoCacheStages) > 0:
		s.attrs["no-cache"] = strings.Join(b.NoCacheStages, ",")
	}
	return nil
}

func (s *solve) set(name, value string) {
	if value != "" {
		s.attrs[name] = value
	}
}

// container is what holds for the containers of RUN.
func (s *solve) container(r Request) error {
	b := r.Build
	switch b.Network {
	case "", "default":
	case "none":
		s.attrs["force-network-mode"] = "none"
	case "host":
		s.attrs["force-network-mode"] = "host"
		s.allow(entitlements.EntitlementNetworkHost.String())
	default:
		return fmt.Errorf("build.network: %q cannot be joined by a build: use default, host or none", b.Network)
	}
	hosts, err := addresses(b.Hosts, r.HostGateway)
	if err != nil {
		return err
	}
	s.set("add-hosts", hosts)
	if b.ShmSize > 0 {
		s.attrs["shm-size"] = strconv.FormatInt(b.ShmSize, 10)
	}
	var limits []string
	for _, u := range b.Ulimits {
		limits = append(limits, fmt.Sprintf("%s=%d:%d", u.Name, u.Soft, u.Hard))
	}
	s.set("ulimit", strings.Join(limits, ","))
	if b.Privileged {
		s.allow(entitlements.EntitlementSecurityInsecure.String())
	}
	for _, e := range b.Entitlements {
		if _, _, err := entitlements.Parse(e); err != nil {
			return fmt.Errorf("build.entitlements: %q is none: there are network.host, security.insecure and device=…", e)
		}
		s.allow(e)
	}
	return nil
}

func (s *solve) allow(entitlement string) {
	for _, e := range s.entitlements {
		if e == entitlement {
			return
		}
	}
	s.entitlements = append(s.entitlements, entitlement)
}

// addresses writes "name=address" as the frontend reads it.
func addresses(hosts []string, gateway string) (string, error) {
	if len(hosts) == 0 {
		return "", nil
	}
	var list []string
	for _, host := range hosts {
		name, address, _ := strings.Cut(host, "=")
		if address == "host-gateway" {
			if gateway == "" {
				return "", fmt.Errorf("build.extra_hosts: %s: this host has no address that host-gateway could stand for: write the address", name)
			}
			address = gateway
		}
		ip, err := netip.ParseAddr(strings.Trim(address, "[]"))
		if err != nil {
			return "", fmt.Errorf("build.extra_hosts: %s: %q is not an address", name, address)
		}
		list = append(list, name+"="+ip.String())
	}
	var line strings.Builder
	w := csv.NewWriter(&line)
	if err := w.Write(list); err != nil {
		return "", err
	}
	w.Flush()
	return strings.TrimSuffix(line.String(), "\n"), w.Error()
}
