package project

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Defaults that the loader fills in.
const (
	// DefaultStopGrace is the Compose specification's stop_grace_period.
	DefaultStopGrace = 10 * time.Second
	// DefaultShmSize is Docker's size of /dev/shm in bytes.
	DefaultShmSize = 64 << 20
	// DefaultLogMaxSize and DefaultLogMaxFiles bound a container's logs, which
	// Docker does not by default.
	DefaultLogMaxSize  = 10_000_000
	DefaultLogMaxFiles = 3
)

// Container is the whole specification of one container: what was asked for,
// with nothing of what the runtime made of it. It is stored beside the
// container and read back, so that what was asked for then and what is asked
// for now are values of one type, compared field by field.
//
// JSON names are part of what is stored; a field may be added, never renamed.
// The zero value of an added field must mean what its absence meant.
type Container struct {
	Project string `json:"project"`
	Service string `json:"service"`
	// Replica counts from 1.
	Replica int `json:"replica"`
	// Name is unique on the host: "shop-web-1", or container_name.
	Name string `json:"name"`

	// Image is a normalised reference: "docker.io/library/nginx:1.27". Platform is
	// "linux/arm64"; empty: the host's own.
	Image    string `json:"image"`
	Platform string `json:"platform,omitempty"`
	// Entrypoint and Command: nil takes the image's; empty means none. A set
	// Entrypoint drops the image's command.
	Entrypoint []string `json:"entrypoint"`
	Command    []string `json:"command"`
	// Env is laid over the image's environment; UnsetEnv (sorted) are the
	// image's variables that are taken away.
	Env      map[string]string `json:"env,omitempty"`
	UnsetEnv []string          `json:"unsetEnv,omitempty"`
	// Provided are the names in Env, sorted, that came from providers.
	Provided   []string `json:"provided,omitempty"`
	User       string   `json:"user,omitempty"` // as written: name or uid[:gid]
	WorkingDir string   `json:"workingDir,omitempty"`
	// Hostname is empty when the service sets none: then it is the first 12
	// hexadecimal digits of the hash of the container's ID.
	Hostname   string            `json:"hostname,omitempty"`
	Domainname string            `json:"domainname,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"` // the user's, not ours
	Init       bool              `json:"init,omitempty"`
	// TTY: standard input, output and error are a terminal. StdinOpen: standard
	// input has no end; else it is empty, or a terminal that nobody types at.
	TTY       bool `json:"tty,omitempty"`
	StdinOpen bool `json:"stdinOpen,omitempty"`

	Ports  []Port   `json:"ports,omitempty"`  // sorted by target, protocol, host IP, published
	Expose []string `json:"expose,omitempty"` // "80/tcp", sorted
	// NetworkMode other than ModeNetworks goes without Networks and Ports.
	NetworkMode NetworkMode `json:"networkMode,omitempty"`
	Networks    []Endpoint  `json:"networks,omitempty"` // in the order of connection: priority, then name
	Links       []Link      `json:"links,omitempty"`    // sorted by alias, service, container
	DNS         Resolver    `json:"dns,omitzero"`
	ExtraHosts  []string    `json:"extraHosts,omitempty"` // "name=address", sorted; the address may be "host-gateway"

	Mounts []Mount `json:"mounts,omitempty"` // sorted by target
	// VolumesFrom are in the order of the file: of two mounts at one target the
	// later is taken over.
	VolumesFrom []VolumesFrom `json:"volumesFrom,omitempty"`
	ReadOnly    bool          `json:"readOnly,omitempty"`
	Files       []File        `json:"files,omitempty"` // secrets and configs, sorted by target

	StopSignal string        `json:"stopSignal,omitempty"` // empty: the image's, then SIGTERM
	StopGrace  time.Duration `json:"stopGrace,omitempty"`

	CapAdd     []string          `json:"capAdd,omitempty"`  // sorted, "CAP_NET_ADMIN" or "ALL"
	CapDrop    []string          `json:"capDrop,omitempty"` // the same
	Privileged bool              `json:"privileged,omitempty"`
	Security   Security          `json:"security,omitzero"`
	Ulimits    []Ulimit          `json:"ulimits,omitempty"` // sorted by name
	Sysctls    map[string]string `json:"sysctls,omitempty"`
	ShmSize    int64             `json:"shmSize,omitempty"`  // bytes
	NanoCPUs   int64             `json:"nanoCPUs,omitempty"` // 1e9 is one processor
	Memory     int64             `json:"memory,omitempty"`   // bytes
	Resources  Resources         `json:"resources,omitzero"`
	Devices    Devices           `json:"devices,omitzero"`

	Namespaces Namespaces `json:"namespaces,omitzero"`
	// CgroupParent is the cgroup that the container's is made in, from the root:
	// "/batch"; empty: gocompose's own.
	CgroupParent string `json:"cgroupParent,omitempty"`
	// Runtime is an OCI runtime: the name of a program, or its absolute path;
	// empty: the runc that gocompose came with.
	Runtime string `json:"runtime,omitempty"`

	Logging Logging `json:"logging"`

	// Health is the service's own; what it leaves open is the image's.
	Health  *Healthcheck `json:"health,omitempty"`
	Restart Restart      `json:"restart,omitzero"`
	Hooks   Hooks        `json:"hooks,omitzero"`

	Annotations map[string]string `json:"annotations,omitempty"` // of the OCI specification

	// Needs and Origin are known so that a project can be taken down in order
	// without its files. They do not count when specifications are compared.
	Needs  []Need `json:"needs,omitempty"` // sorted by service
	Origin Origin `json:"origin"`

	// Role is what a container is that is no replica: "pre_start-1", or of a one-off
	// "run-0123456789ab". Its Replica is 0, or that of the replica which it is for. It
	// does not count when specifications are compared.
	Role string `json:"role,omitempty"`
	// Temporary: it is removed when its process has ended, with its anonymous volumes. It
	// does not count when specifications are compared.
	Temporary bool `json:"temporary,omitempty"`
}

// ID returns "container/<service>-<replica>"; see also Role.
func (c Container) ID() ID {
	if c.Role != "" {
		return ID{KindContainer, c.roleID()}
	}
	return ID{KindContainer, fmt.Sprintf("%s-%d", c.Service, c.Replica)}
}

// Container returns the specification of replica n, which counts from 1; a one-off
// is none.
func (s Service) Container(n int) Container {
	c := s.Template
	if c.OneOff() {
		return c
	}
	c.Replica = n
	if c.Name == "" {
		c.Name = c.named(cmp.Or(s.Separator, Separator))
	}
	return c
}

// Separators of the parts of a name: today's, and that of docker-compose 1.
const (
	Separator    = "-"
	OldSeparator = "_"
)

// named is the name of a container whose service sets none.
func (c Container) named(separator string) string {
	return c.Project + separator + c.Service + separator + strconv.Itoa(c.Replica)
}

// DerivedName tells whether the container's service sets no name, and the
// separator in the one that it has.
func (c Container) DerivedName() (separator string, derived bool) {
	for _, separator := range []string{Separator, OldSeparator} {
		if c.Name == c.named(separator) {
			return separator, true
		}
	}
	return "", false
}

// NetworkMode says which network namespace a container is in.
type NetworkMode string

const (
	// ModeNetworks: one of its own, on the networks of Container.Networks; where
	// there are none, with nothing but its loopback (network_mode: none).
	ModeNetworks NetworkMode = ""
	// ModeHost is the host's.
	ModeHost NetworkMode = "host"
)

// The beginnings of modes that mean the namespace of another container: of the
// first replica of a service of the project, or of the container of that name.
const (
	ModeService   = "service:"
	ModeContainer = "container:"
)

// Endpoint is a container's place in one network.
type Endpoint struct {
	Network string `json:"network"` // the full name
	// Aliases are the names beside the container's own and its service's.
	// Sorted.
	Aliases []string `json:"aliases,omitempty"`
	// IPv4 and IPv6 are fixed addresses; zero: one that is free.
	IPv4 netip.Addr `json:"ipv4,omitzero"`
	IPv6 netip.Addr `json:"ipv6,omitzero"`
	// Others are addresses that other containers of the project have for themselves
	// in this network: none of them is given to this one. They do not count when
	// specifications are compared. Sorted.
	Others []netip.Addr `json:"others,omitempty"`
	// LinkLocal are addresses beside these, of 169.254.0.0/16 or fe80::/10.
	// Sorted.
	LinkLocal []netip.Addr `json:"linkLocal,omitempty"`
	// MAC is "02:42:ac:11:00:02", lower case; empty: made from the address.
	MAC string `json:"mac,omitempty"`
	// Interface is its name in the container; empty: eth0, eth1, …
	Interface string `json:"interface,omitempty"`
	// GatewayPriority decides which network the default routes lead through: the
	// highest, among equals the first that has a gateway.
	GatewayPriority int `json:"gatewayPriority,omitempty"`
	// Sysctls are of the interface, with IFNAME in place of its name:
	// "net.ipv4.conf.IFNAME.log_martians": "1".
	Sysctls map[string]string `json:"sysctls,omitempty"`
}

// SharedService returns the service whose container's namespace is shared, and
// SharedContainer the name of the container; empty: none is.
func (m NetworkMode) SharedService() string { return m.after(ModeService) }

// SharedContainer is described at SharedService.
func (m NetworkMode) SharedContainer() string { return m.after(ModeContainer) }

func (m NetworkMode) after(prefix string) string {
	name, ok := strings.CutPrefix(string(m), prefix)
	if !ok {
		return ""
	}
	return name
}

// Link is a name by which one container alone knows others: all replicas of a
// service of its project, or the container of a name.
type Link struct {
	Service   string `json:"service,omitempty"`
	Container string `json:"container,omitempty"` // of external_links
	Alias     string `json:"alias"`
}

// Resolver is what a container's resolv.conf says beside our own name server.
type Resolver struct {
	// Servers are asked for what is not known here, in place of the host's.
	Servers []netip.Addr `json:"servers,omitempty"`
	Options []string     `json:"options,omitempty"`
	// Search are the search domains; nil: the host's; ".": none.
	Search []string `json:"search,omitempty"`
}

// Ulimit is one resource limit; -1 is unlimited.
type Ulimit struct {
	Name string `json:"name"` // "nofile"
	Soft int64  `json:"soft"`
	Hard int64  `json:"hard"`
}

// Origin says which files a container was made from.
type Origin struct {
	// Services are the names of all services that the files define, sorted: one
	// that does not run is unknown, and no name to ask others for.
	Services    []string `json:"services,omitempty"`
	WorkingDir  string   `json:"workingDir,omitempty"` // absolute
	ConfigFiles []string `json:"configFiles,omitempty"`
	EnvFiles    []string `json:"envFiles,omitempty"`
	// Source is where WorkingDir is a copy from, the same of all versions.
	Source string `json:"source,omitempty"`
}

// Folder is where the files are for people: the folder, or where it is a copy from.
func (o Origin) Folder() string { return cmp.Or(o.Source, o.WorkingDir) }
