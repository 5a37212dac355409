// Package project holds what is wanted: one Compose application as a value.
//
// A Project is made once, by package loader, and never changed afterwards:
// every name is resolved, every default is filled in, every slice that has no
// order of its own is sorted. Two loads of the same files give equal values.
package project

import "net/netip"

// Project is one Compose application.
type Project struct {
	Name string `json:"name"`
	// Services are those selected and enabled by profiles, sorted by name.
	Services []Service `json:"services"`
	// Providers are those of the same selection that are no containers, sorted by
	// name.
	Providers []Provider `json:"providers,omitempty"`
	// Bases are services that are not selected, sorted by name, of which nothing is but
	// that they are built: builds of others begin with their images.
	Bases []Service `json:"bases,omitempty"`
	// Known are the names of all services the files define, selected or not:
	// a container of any other service is an orphan. Sorted.
	Known []string `json:"known"`
	// Networks and Volumes are those that Services use, sorted by name.
	Networks []Network `json:"networks"`
	Volumes  []Volume  `json:"volumes"`
	// Elsewhere is set when files are from elsewhere.
	Elsewhere *Elsewhere `json:"elsewhere,omitempty"`
	// Builds are the images that services build, selected or not, sorted.
	Builds []string `json:"builds,omitempty"`
	// Contents are what is in the services' Files.
	Contents Contents `json:"-"`
}

// Service is a template for Replicas equal containers.
type Service struct {
	Name     string `json:"name"`
	Replicas int    `json:"replicas"`
	// NoAttach is attach: false: an `up` in the foreground shows its output only
	// when asked to.
	NoAttach bool       `json:"noAttach,omitempty"`
	Pull     PullPolicy `json:"pull,omitzero"`
	// Build is nil of a service whose image is only pulled.
	Build *Build `json:"build,omitempty"`
	// Job: its containers run to completion. One that has ended with exit code 0
	// is as it is wanted.
	Job bool `json:"job,omitempty"`
	// Providers are those that it depends on, selected or not, sorted: what they
	// provide is laid over its environment.
	Providers []string `json:"providers,omitempty"`
	// Update and Rollback are nil when the files do not say.
	Update   *Update `json:"update,omitempty"`
	Rollback *Update `json:"rollback,omitempty"`
	// Separator stands in the names of the containers, where it is not "-".
	Separator string `json:"separator,omitempty"`
	// Verify is by whom its images have to be signed.
	Verify Verify `json:"verify,omitzero"`
	// Watch is what `watch` does, and only there is it known.
	Watch []Trigger `json:"watch,omitempty"`
	// Template is the specification all replicas share; its Replica is 0 and
	// its Name is empty unless the service sets container_name.
	Template Container `json:"template"`
}

// Containers returns the specifications of the replicas, in order from 1.
func (s Service) Containers() []Container {
	cs := make([]Container, s.Replicas)
	for i := range cs {
		cs[i] = s.Container(i + 1)
	}
	return cs
}

// Condition is what a dependent, or the user, waits for.
type Condition string

const (
	Started   Condition = "service_started"
	Healthy   Condition = "service_healthy"
	Completed Condition = "service_completed_successfully"
	// Ready is what `up --wait` waits for, in docker compose's name for it:
	// healthy where there is a health check, else running; a process that has
	// ended with exit code 0 and is not started again is ready too.
	Ready Condition = "running_or_healthy"
)

// Need is one depends_on entry.
type Need struct {
	Service   string    `json:"service"`
	Condition Condition `json:"condition"`
	// Restart: when the needed service is replaced or restarted by the user,
	// this one is restarted too.
	Restart bool `json:"restart,omitempty"`
	// Optional is required: false.
	Optional bool `json:"optional,omitempty"`
}

// DefaultBridge is the network of `network_mode: bridge`: one on the host, of no
// project, made when the first container needs it. Names are not answered there.
const DefaultBridge = "bridge"

// Drivers of networks. Containers of network_mode: host and none are on no
// network.
const (
	DriverBridge  = "bridge"
	DriverMacvlan = "macvlan"
	DriverIpvlan  = "ipvlan"
)

// Network is one network of a project.
type Network struct {
	// Name is the full name, unique on the host: "shop_default".
	Name string `json:"name"`
	// Key is the name in the Compose file: "default".
	Key string `json:"key,omitempty"`
	// Project is empty of DefaultBridge and of what `network create` makes.
	Project  string            `json:"project,omitempty"`
	External bool              `json:"external,omitempty"`
	Driver   string            `json:"driver,omitempty"` // empty: DriverBridge
	Labels   map[string]string `json:"labels,omitempty"`
	// Options are the driver's, by Docker's names, as they were written:
	// "com.docker.network.driver.mtu": "1400", "parent": "eth0".
	Options map[string]string `json:"options,omitempty"`
	// Internal: nothing passes to or from the outside.
	Internal bool `json:"internal,omitempty"`
	// NoIPv4 is enable_ipv4: false; IPv6 is enable_ipv6: true. With NoIPv4 goes
	// IPv6.
	NoIPv4 bool `json:"noIPv4,omitempty"`
	IPv6   bool `json:"ipv6,omitempty"`
	// Subnets are those of ipam.config, in its order. A family without one gets
	// one that is free.
	Subnets []Subnet `json:"subnets,omitempty"`
}

// Subnet is one entry of ipam.config.
type Subnet struct {
	Subnet  netip.Prefix `json:"subnet,omitzero"`  // masked
	Gateway netip.Addr   `json:"gateway,omitzero"` // zero: the first address
	// Range is where addresses are given out from; zero: the whole subnet.
	Range netip.Prefix `json:"range,omitzero"`
	// Reserved are aux_addresses: names, which mean nothing, and addresses that
	// are not given out.
	Reserved map[string]netip.Addr `json:"reserved,omitempty"`
}

// ID returns "network/<name>".
func (n Network) ID() ID { return ID{KindNetwork, n.Name} }
