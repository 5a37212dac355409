// Package paths says where everything of gocompose lies on a host.
package paths

import (
	"os"
	"path/filepath"
)

// Defaults, moved by GOCOMPOSE_ROOT and GOCOMPOSE_STATE.
const (
	DefaultRoot  = "/var/lib/gocompose"
	DefaultState = "/run/gocompose"
)

// Paths is the layout below two folders. Root outlives a reboot; State need
// not, and should be on tmpfs.
type Paths struct {
	Root  string
	State string
}

// FromEnv returns the layout that the environment asks for, made absolute.
func FromEnv() (Paths, error) {
	root, err := fromEnv("GOCOMPOSE_ROOT", DefaultRoot)
	if err != nil {
		return Paths{}, err
	}
	state, err := fromEnv("GOCOMPOSE_STATE", DefaultState)
	return Paths{Root: root, State: state}, err
}

func fromEnv(name, def string) (string, error) {
	if v := os.Getenv(name); v != "" {
		return filepath.Abs(v)
	}
	return def, nil
}

// Container is the folder of one container: log, log.1, …, state.json, and the
// files bound into it (hosts, hostname, resolv.conf).
func (p Paths) Container(id string) string { return filepath.Join(p.Containers(), id) }

// Containers is the folder that holds all Container folders.
func (p Paths) Containers() string { return filepath.Join(p.Root, "containers") }

// Volumes is the folder of user data: one folder a volume.
func (p Paths) Volumes() string { return filepath.Join(p.Root, "volumes") }

// Networks is the folder of network records, one JSON file a network.
func (p Paths) Networks() string { return filepath.Join(p.Root, "networks") }

// Events is the folder of the journal of events.
func (p Paths) Events() string { return filepath.Join(p.Root, "events") }

// Engine is the private containerd's root.
func (p Paths) Engine() string { return filepath.Join(p.Root, "containerd") }

// EngineState is the private containerd's state: sockets, config, bundles.
func (p Paths) EngineState() string { return filepath.Join(p.State, "containerd") }

// EngineSocket is the private containerd's gRPC address.
func (p Paths) EngineSocket() string { return filepath.Join(p.EngineState(), "containerd.sock") }

// Builder is the root of the private buildkitd, which builds images.
func (p Paths) Builder() string { return filepath.Join(p.Root, "buildkit") }

// BuilderState is the private buildkitd's state: socket, config, log.
func (p Paths) BuilderState() string { return filepath.Join(p.State, "buildkit") }

// BuilderSocket is the private buildkitd's gRPC address.
func (p Paths) BuilderSocket() string { return filepath.Join(p.BuilderState(), "buildkitd.sock") }

// Runc is runc's own state root (--root).
func (p Paths) Runc() string { return filepath.Join(p.State, "runc") }

// Netns is the folder of network namespaces, one bound file a container ID.
func (p Paths) Netns() string { return filepath.Join(p.State, "netns") }

// Namespaces is the folder of the other namespaces that containers share: one
// folder a container ID.
func (p Paths) Namespaces() string { return filepath.Join(p.State, "namespaces") }

// Cgroups is the folder of records of the cgroups that were made for containers
// with a cgroup_parent, one JSON file a parent.
func (p Paths) Cgroups() string { return filepath.Join(p.State, "cgroups") }

// Mounts is the folder of what is mounted while a container is started, for its
// mounts to be made from: one folder a container ID.
func (p Paths) Mounts() string { return filepath.Join(p.State, "mounts") }

// Hooks and Probes are the folders of the FIFOs through which the output of hooks
// and of health checks comes while they run: one a container ID.
func (p Paths) Hooks() string { return filepath.Join(p.State, "hooks") }

// Probes is described at Hooks.
func (p Paths) Probes() string { return filepath.Join(p.State, "probes") }

// Attach is the folder of the sockets by which containers are attached to: one a
// container ID.
func (p Paths) Attach() string { return filepath.Join(p.State, "attach") }

// Execs is the folder of the FIFOs of programs that are being started in running
// containers: one folder a container ID.
func (p Paths) Execs() string { return filepath.Join(p.State, "execs") }

// Needs is the folder that says which images commands need that are going on: one
// file a command.
func (p Paths) Needs() string { return filepath.Join(p.State, "needs") }

// Shared is the folder that says who is in whose network namespace: one folder a
// container ID.
func (p Paths) Shared() string { return filepath.Join(p.State, "shared") }

// Forwarding is the folder that says what forwarding was before it was turned on.
func (p Paths) Forwarding() string { return filepath.Join(p.State, "forwarding") }

// Endpoints is the folder of attached containers' network records: one JSON
// file a container ID, written by whoever starts the container and read by the
// supervisor when it starts.
func (p Paths) Endpoints() string { return filepath.Join(p.State, "endpoints") }

// Kept is the folder of records of the containers that are to be kept running:
// one JSON file a container ID.
func (p Paths) Kept() string { return filepath.Join(p.State, "kept") }

// Health is the folder of what is known of containers' health: one JSON file a
// container ID.
func (p Paths) Health() string { return filepath.Join(p.State, "health") }

// Addresses is the folder that says who holds which address, one JSON file a
// network.
func (p Paths) Addresses() string { return filepath.Join(p.State, "addresses") }

// UsedVolumes is the folder that says which containers use which of the volumes
// that something is mounted on.
func (p Paths) UsedVolumes() string { return filepath.Join(p.State, "volumes") }

// Secrets is the folder of the secrets and configs of containers: one folder a
// container ID. It is on a tmpfs.
func (p Paths) Secrets() string { return filepath.Join(p.State, "secrets") }

// SecretsKey is the file with the key of the digests of secrets and configs.
func (p Paths) SecretsKey() string { return filepath.Join(p.Root, "secrets.key") }

// Verified is the folder of what is known of signatures of images.
func (p Paths) Verified() string { return filepath.Join(p.Root, "verified") }

// Locks is the folder of lock files.
func (p Paths) Locks() string { return filepath.Join(p.State, "locks") }

// SupervisorSocket is the address of the supervisor's API.
func (p Paths) SupervisorSocket() string { return filepath.Join(p.State, "supervisor.sock") }

// SupervisorLog is what the supervisor writes to standard error.
func (p Paths) SupervisorLog() string { return filepath.Join(p.State, "supervisor.log") }

// CgroupParent is the cgroup below which all our containers live, seen from
// the root of each hierarchy. Layouts of their own have parents of their own.
func (p Paths) CgroupParent() string {
	if p.State == DefaultState {
		return "/gocompose"
	}
	return "/gocompose-" + Short(p.State)
}
