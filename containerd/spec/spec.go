// Package spec turns what a container was asked to be into the OCI runtime
// specification that runs it.
//
// It does no input or output: everything it has to know of the image, the
// root file system and the host comes in with Input. The defaults are
// Docker's, so that images find the surroundings they were made for.
package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

// ociVersion is the version of the runtime specification that is claimed.
// Nothing here needs a later one, and runtimes refuse versions that they do
// not know: runc 1.5 takes up to 1.3, crun 1.8 nothing above 1.0.
const ociVersion = "1.0.2"

// InitPath is where Input.InitBinary appears in a container with init: true.
const InitPath = "/sbin/docker-init"

// Input is everything that decides how a container runs.
type Input struct {
	// ID is the runtime's identifier of the container.
	ID        string
	Container project.Container
	// Image is the configuration of Container.Image.
	Image ocispec.ImageConfig
	User  User
	// Mounts are Container.Mounts with their sources found on the host.
	Mounts []Mount
	// BlockDevices are the paths of Container.Resources.BlockIO as they were
	// found on the host.
	BlockDevices map[string]BlockDevice
	// Files maps paths in the container to files of the host that are bound
	// there: /etc/hosts, /etc/hostname, /etc/resolv.conf. A mount with the same
	// target goes before.
	Files map[string]string
	// Secrets maps the targets of Container.Files to files of the host.
	Secrets map[string]string
	// Netns is the path of the network namespace to join; empty makes a new one. It
	// does not count in network mode host.
	Netns string
	// IPC and PID are the paths of the namespaces to join where they are not the
	// container's alone, and Shm is what /dev/shm is then.
	IPC, PID, Shm string
	// Hostname defaults to Hostname(ID, Container).
	Hostname string
	// CgroupsPath is the container's cgroup, seen from the root of the hierarchy.
	CgroupsPath string
	// InitBinary is the host's path of an init that takes "-- command args";
	// needed when Container.Init is set.
	InitBinary string
	Host       Host
}

// User is a process's identity in the container.
type User struct {
	UID, GID uint32
	// Groups are the supplementary groups, the primary one not included.
	Groups []uint32
}

// Mount is one mount that the user asked for.
type Mount struct {
	// Type is bind or tmpfs; a volume is the bind of its folder, an image the bind
	// of its files.
	Type     project.MountType
	Source   string // path on the host; empty for a tmpfs
	Target   string // absolute, clean
	ReadOnly bool
	// Propagation of a bind: "" is "rprivate".
	Propagation string
	// Recursive says what becomes of mounts below the source of a bind.
	Recursive project.Recursive
	// Options of a tmpfs, as in mount(8).
	Options []string
}

// Host is what a specification depends on beyond what was asked for.
type Host struct {
	// CgroupV2: the host has the unified hierarchy only.
	CgroupV2 bool
	// SwapLimit: the kernel accounts swap, so it can be limited.
	SwapLimit bool
	// RecursiveReadOnly: the kernel (5.12) can make the mounts below a
	// read-only bind read-only too.
	RecursiveReadOnly bool
	// Capabilities are those that can be given at all: the bounding set of who
	// starts containers. Nil stands for all.
	Capabilities []string
	// AppArmor is the name of the profile for containers; empty: the host has no
	// AppArmor. SELinux: it has that.
	AppArmor string
	SELinux  bool
	// Limits are the highest that ulimits can be set to, by name; those that are
	// not there can be any.
	Limits map[string]uint64
	// Controllers are those that cgroups have; with version 2, blkio is "io".
	// Nil stands for all.
	Controllers []string
	// CPUs are the processors that containers can run on, "0-3"; empty is any.
	CPUs string
	// RealtimeGroups: time of real-time processes can be shared out.
	RealtimeGroups bool
	// Swappiness: each cgroup has its own.
	Swappiness bool
	// BlockWeight: cgroups are weighed against each other at disks;
	// BlockDeviceWeight: at each disk differently. BlockThrottle: what they do
	// with disks can be limited.
	BlockWeight, BlockDeviceWeight, BlockThrottle bool
	// MaskedPaths are hidden beside Docker's, unless the container is privileged.
	MaskedPaths []string
}

// Hostname returns the host name of container id: the one it asks for, or 12
// hexadecimal digits that stand for the ID, as Docker's are.
func Hostname(id string, c project.Container) string {
	if c.Hostname != "" {
		return c.Hostname
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:6])
}

// Build returns the specification of a container. Its root is "rootfs", as
// containerd's bundles have it; devices are for AddDevices. Errors name the
// attribute that is wrong.
func Build(in Input) (*specs.Spec, error) {
	if in.Hostname == "" {
		in.Hostname = Hostname(in.ID, in.Container)
	}
	process, err := process(in)
	if err != nil {
		return nil, err
	}
	mounts, err := mounts(in)
	if err != nil {
		return nil, err
	}
	linux, err := linux(in)
	if err != nil {
		return nil, err
	}
	s := &specs.Spec{
		Version:  ociVersion,
		Process:  process,
		Root:     &specs.Root{Path: "rootfs", Readonly: in.Container.ReadOnly},
		Hostname: in.Hostname,
		Mounts:   mounts,
		Linux:    linux,
	}
	s.Annotations = maps.Clone(in.Container.Annotations)
	if in.Container.Namespaces.UTS == project.NamespaceHost {
		s.Hostname = "" // it is the host's, and stays so
	}
	return s, addProfile(in.Container, s)
}

func process(in Input) (*specs.Process, error) {
	args, err := args(in)
	if err != nil {
		return nil, err
	}
	env, err := environment(in)
	if err != nil {
		return nil, err
	}
	cwd, err := workingDir(in)
	if err != nil {
		return nil, err
	}
	bounding, err := capabilities(in.Container, in.Host.Capabilities)
	if err != nil {
		return nil, err
	}
	limits, err := rlimits(in.Container.Ulimits, in.Host.Limits)
	if err != nil {
		return nil, err
	}
	oomScore := int(in.Container.Resources.OOMScoreAdj)
	p := &specs.Process{
		User: specs.User{
			UID: in.User.UID,
			GID: in.User.GID,
			// The primary group is listed too: a process that could drop it
			// would pass permissions that are denied to the group.
			AdditionalGids: append([]uint32{in.User.GID}, in.User.Groups...),
		},
		Args:    args,
		Env:     env,
		Cwd:     cwd,
		Rlimits: limits,
		// Set when it is 0 too, or the shim's own would be inherited.
		OOMScoreAdj: &oomScore,
	}
	if err := secure(in, p); err != nil {
		return nil, err
	}
	if in.Container.TTY {
		p.Terminal = true
		p.ConsoleSize = &specs.Box{Width: terminalWidth, Height: terminalHeight}
	}
	p.Capabilities = CapabilitiesFor(p.User, bounding)
	return p, nil
}

func workingDir(in Input) (string, error) {
	switch dir := in.Container.WorkingDir; {
	case dir == "":
		return path.Clean("/" + in.Image.WorkingDir), nil
	case !path.IsAbs(dir):
		return "", fmt.Errorf("working_dir: %q is not an absolute path", dir)
	default:
		return path.Clean(dir), nil
	}
}

// linux returns the part that is about namespaces, cgroups and the kernel.
func linux(in Input) (*specs.Linux, error) {
	resources, err := resources(in)
	if err != nil {
		return nil, err
	}
	sysctl, err := sysctls(in.Container)
	if err != nil {
		return nil, err
	}
	if in.CgroupsPath == "" {
		return nil, errors.New("no cgroup for the container")
	}
	if err := checkNamespaces(in); err != nil {
		return nil, err
	}
	l := &specs.Linux{
		CgroupsPath:       in.CgroupsPath,
		Namespaces:        namespaces(in),
		Resources:         resources,
		Sysctl:            sysctl,
		RootfsPropagation: rootPropagation(in.Mounts),
	}
	if in.Container.Privileged {
		return l, nil
	}
	if in.Container.Security.OpenPaths {
		return l, nil
	}
	l.MaskedPaths = append(maskedPaths(), in.Host.MaskedPaths...)
	l.ReadonlyPaths = readonlyPaths()
	return l, nil
}

// maskedPaths are Docker's.
func maskedPaths() []string {
	return []string{
		"/proc/acpi",
		"/proc/asound",
		"/proc/interrupts",
		"/proc/kcore",
		"/proc/keys",
		"/proc/latency_stats",
		"/proc/sched_debug",
		"/proc/scsi",
		"/proc/timer_list",
		"/proc/timer_stats",
		"/sys/devices/virtual/powercap",
		"/sys/firmware",
	}
}

// readonlyPaths are Docker's.
func readonlyPaths() []string {
	return []string{
		"/proc/bus",
		"/proc/fs",
		"/proc/irq",
		"/proc/sys",
		"/proc/sysrq-trigger",
	}
}
