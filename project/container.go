package project

import (
	"fmt"
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

	// Image is a normalised reference: "docker.io/library/nginx:1.27".
	Image string `json:"image"`
	// Entrypoint and Command: nil takes the image's; empty means none. A set
	// Entrypoint drops the image's command.
	Entrypoint []string `json:"entrypoint"`
	Command    []string `json:"command"`
	// Env is laid over the image's environment; UnsetEnv (sorted) are the
	// image's variables that are taken away.
	Env        map[string]string `json:"env,omitempty"`
	UnsetEnv   []string          `json:"unsetEnv,omitempty"`
	User       string            `json:"user,omitempty"` // as written: name or uid[:gid]
	WorkingDir string            `json:"workingDir,omitempty"`
	// Hostname is empty when the service sets none: then it is the first 12
	// hexadecimal digits of the hash of the container's ID.
	Hostname string            `json:"hostname,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"` // the user's, not ours
	Init     bool              `json:"init,omitempty"`

	Ports      []Port     `json:"ports,omitempty"`      // sorted by target, protocol, host IP, published
	Expose     []string   `json:"expose,omitempty"`     // "80/tcp", sorted
	Networks   []Endpoint `json:"networks,omitempty"`   // in the order of connection: priority, then name
	ExtraHosts []string   `json:"extraHosts,omitempty"` // "name=address", sorted; the address may be "host-gateway"

	Mounts   []Mount `json:"mounts,omitempty"` // sorted by target
	ReadOnly bool    `json:"readOnly,omitempty"`

	StopSignal string        `json:"stopSignal,omitempty"` // empty: the image's, then SIGTERM
	StopGrace  time.Duration `json:"stopGrace,omitempty"`

	CapAdd     []string          `json:"capAdd,omitempty"`  // sorted, "CAP_NET_ADMIN" or "ALL"
	CapDrop    []string          `json:"capDrop,omitempty"` // the same
	Privileged bool              `json:"privileged,omitempty"`
	Ulimits    []Ulimit          `json:"ulimits,omitempty"` // sorted by name
	Sysctls    map[string]string `json:"sysctls,omitempty"`
	ShmSize    int64             `json:"shmSize,omitempty"`  // bytes
	NanoCPUs   int64             `json:"nanoCPUs,omitempty"` // 1e9 is one processor
	Memory     int64             `json:"memory,omitempty"`   // bytes

	Logging Logging `json:"logging"`

	// Health is the service's own; what it leaves open is the image's.
	Health  *Healthcheck `json:"health,omitempty"`
	Restart Restart      `json:"restart,omitzero"`

	// Needs and Origin are known so that a project can be taken down in order
	// without its files. They do not count when specifications are compared.
	Needs  []Need `json:"needs,omitempty"` // sorted by service
	Origin Origin `json:"origin"`
}

// ID returns "container/<service>-<replica>".
func (c Container) ID() ID {
	return ID{KindContainer, fmt.Sprintf("%s-%d", c.Service, c.Replica)}
}

// Container returns the specification of replica n, which counts from 1.
func (s Service) Container(n int) Container {
	c := s.Template
	c.Replica = n
	if c.Name == "" {
		c.Name = fmt.Sprintf("%s-%s-%d", c.Project, c.Service, n)
	}
	return c
}

// Endpoint is a container's place in one network.
type Endpoint struct {
	Network string `json:"network"` // the full name
	// Aliases are the names beside the container's own and its service's.
	// Sorted.
	Aliases []string `json:"aliases,omitempty"`
}

// MountType is the kind of a mount.
type MountType string

const (
	MountBind   MountType = "bind"
	MountVolume MountType = "volume"
	MountTmpfs  MountType = "tmpfs"
)

// Mount is one mount of a container.
type Mount struct {
	Type MountType `json:"type"`
	// Source is an absolute path (bind), the full name of a volume, or empty:
	// an anonymous volume, or a tmpfs.
	Source   string `json:"source,omitempty"`
	Target   string `json:"target"` // absolute, clean
	ReadOnly bool   `json:"readOnly,omitempty"`
	// CreateHostPath: a bind's missing source is made, as a folder.
	CreateHostPath bool `json:"createHostPath,omitempty"`
	// NoCopy: an empty volume is not filled from the image.
	NoCopy bool `json:"noCopy,omitempty"`
	// Propagation of a bind: "", "rprivate", "rshared", …
	Propagation string `json:"propagation,omitempty"`
	// Options of a tmpfs, as in mount(8): "size=1048576", "mode=1777", "exec".
	Options []string `json:"options,omitempty"`
}

// Ulimit is one resource limit; -1 is unlimited.
type Ulimit struct {
	Name string `json:"name"` // "nofile"
	Soft int64  `json:"soft"`
	Hard int64  `json:"hard"`
}

// Logging says what happens to a container's output.
type Logging struct {
	Driver   string `json:"driver"`             // "json-file" or "none"
	MaxSize  int64  `json:"maxSize,omitempty"`  // bytes a file
	MaxFiles int    `json:"maxFiles,omitempty"` // the one written included
}

// Origin says which files a container was made from.
type Origin struct {
	WorkingDir  string   `json:"workingDir,omitempty"` // absolute
	ConfigFiles []string `json:"configFiles,omitempty"`
	EnvFiles    []string `json:"envFiles,omitempty"`
}
