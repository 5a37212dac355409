package cmd

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/supervisor/health"
)

// inspectionVersion is the version of inspection's shape. It rises when a field
// is renamed, removed or gets another meaning; one that is added leaves it.
const inspectionVersion = 1

// inspection is what `gocompose inspect` says of one container: it prints an
// array of them, as JSON. All fields are always there; what is not known or not
// so is null, empty or zero. In templates they have these names, with a capital:
// {{.State.Status}}.
//
// Spec is what was asked for when the container was made, as gocompose stores it
// (project.Container), with the values of its environment. Durations in it are
// nanoseconds.
type inspection struct {
	Version   int                `json:"version"` // 1
	ID        string             `json:"id"`
	Name      string             `json:"name"`
	Project   string             `json:"project"`
	Service   string             `json:"service"`
	Replica   int                `json:"replica"` // from 1
	CreatedAt time.Time          `json:"createdAt"`
	Image     inspectedImage     `json:"image"`
	Command   []string           `json:"command"` // of the first process, with the image's part
	State     inspectedState     `json:"state"`
	Health    inspectedHealth    `json:"health"`
	Networks  []inspectedNetwork `json:"networks"` // in the order of connection
	Ports     []inspectedPort    `json:"ports"`    // published now
	Mounts    []inspectedMount   `json:"mounts"`   // sorted by target
	Log       inspectedLog       `json:"log"`
	Labels    map[string]string  `json:"labels"` // gocompose's and the user's
	Spec      project.Container  `json:"spec"`
}

// inspectedImage is what a container was made from.
type inspectedImage struct {
	Ref    string `json:"ref"`    // docker.io/library/redis:7
	Digest string `json:"digest"` // of the manifest of its platform
}

// inspectedState is how far a container's life has come.
type inspectedState struct {
	Status    planner.State `json:"status"`    // created, running, paused, restarting, exited
	Pid       int           `json:"pid"`       // on the host; 0: no process
	StartedAt *time.Time    `json:"startedAt"` // of the last run; null: never
	ExitedAt  *time.Time    `json:"exitedAt"`  // null: the last run has not ended, or nobody saw it
	ExitCode  int           `json:"exitCode"`  // 0 without an end; 128 + signal, 255 when nobody saw it
	OOMKilled bool          `json:"oomKilled"` // a process was killed for want of memory
	Restarts  int           `json:"restarts"`  // by the restart policy, since the user's start; 0 when it has ended for good
	RestartAt *time.Time    `json:"restartAt"` // when the next one is due; null: none is
}

// inspectedHealth is how a container is.
type inspectedHealth struct {
	// Status is starting, healthy or unhealthy; none of a container that is not
	// checked or has no process.
	Status        string          `json:"status"`
	FailingStreak int             `json:"failingStreak"`
	Results       []health.Result `json:"results"` // the last five, oldest first
	Check         *inspectedCheck `json:"check"`   // null: it is not checked
}

// inspectedCheck is the health check that is made: the service's, over the
// image's. Times are as in a Compose file: 1m30s.
type inspectedCheck struct {
	Test          []string `json:"test"` // begins with CMD or CMD-SHELL
	Interval      string   `json:"interval"`
	Timeout       string   `json:"timeout"`
	StartPeriod   string   `json:"startPeriod"`
	StartInterval string   `json:"startInterval"`
	Retries       int      `json:"retries"`
}

// inspectedNetwork is a container's place in one network. The addresses are
// empty while it has no process.
type inspectedNetwork struct {
	Name      string   `json:"name"`      // shop_default
	Interface string   `json:"interface"` // in the container: eth0
	Address   string   `json:"address"`   // 172.24.0.2/22
	Gateway   string   `json:"gateway"`
	Address6  string   `json:"address6"` // fd12:3456:789a::2/64; empty: there is none
	Gateway6  string   `json:"gateway6"`
	MAC       string   `json:"mac"`
	Names     []string `json:"names"` // others there know it by
}

// inspectedPort is a published port. HostIP is empty for all addresses.
type inspectedPort struct {
	HostIP   string `json:"hostIP"`
	HostPort uint16 `json:"hostPort"`
	Target   uint16 `json:"target"`
	Protocol string `json:"protocol"` // tcp, udp
}

// inspectedMount is a mount: of a file or folder of the host (bind), a volume, an
// image or memory (tmpfs).
type inspectedMount struct {
	Type      project.MountType `json:"type"`
	Name      string            `json:"name"`   // of a volume
	Source    string            `json:"source"` // on the host, or the image; empty: tmpfs
	Target    string            `json:"target"`
	ReadOnly  bool              `json:"readOnly"`
	Anonymous bool              `json:"anonymous"` // a volume without a name of the user's
}

// inspectedLog says where a container's output goes. The newest file is first.
type inspectedLog struct {
	Driver string   `json:"driver"` // json-file, none
	Files  []string `json:"files"`
}

// places are the paths on the host that an inspection names.
type places struct {
	// volume returns the folder of a volume's content.
	volume func(name string) (string, error)
	// logs returns the files of the log in a container's folder.
	logs func(dir string) ([]string, error)
}

func inspect(i host.Info, at places) (inspection, error) {
	mounts, err := inspectMounts(i, at)
	if err != nil {
		return inspection{}, err
	}
	files, err := at.logs(i.Dir)
	if err != nil {
		return inspection{}, err
	}
	return inspection{
		Version:   inspectionVersion,
		ID:        i.ID,
		Name:      i.Name,
		Project:   i.Spec.Project,
		Service:   i.Spec.Service,
		Replica:   i.Spec.Replica,
		CreatedAt: i.CreatedAt.UTC(),
		Image:     inspectedImage{i.Spec.Image, i.ImageDigest},
		Command:   orNone(i.Command),
		State: inspectedState{
			Status:    i.State,
			Pid:       i.Pid,
			StartedAt: known(i.StartedAt),
			ExitedAt:  known(i.ExitedAt),
			ExitCode:  i.ExitCode,
			OOMKilled: i.OOMKilled,
			Restarts:  i.Restarts,
			RestartAt: known(i.RestartAt),
		},
		Health:   inspectHealth(i),
		Networks: inspectNetworks(i),
		Ports:    inspectPorts(i.Ports),
		Mounts:   mounts,
		Log:      inspectedLog{i.Spec.Logging.Driver, orNone(files)},
		Labels:   i.Labels,
		Spec:     i.Spec,
	}, nil
}

// known is nil for a time that is not.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// orNone is list, but never null in JSON.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func inspectHealth(i host.Info) inspectedHealth {
	out := inspectedHealth{Status: "none", Results: []health.Result{}}
	if c := i.Check; c != nil {
		out.Check = &inspectedCheck{
			Test:          c.Test,
			Interval:      c.Interval.String(),
			Timeout:       c.Timeout.String(),
			StartPeriod:   c.StartPeriod.String(),
			StartInterval: c.StartInterval.String(),
			Retries:       c.Retries,
		}
	}
	if status := healthOf(i); status != "" {
		out.Status, out.FailingStreak, out.Results = string(status), i.Health.FailingStreak, orNone(i.Health.Results)
	}
	return out
}

func inspectNetworks(i host.Info) []inspectedNetwork {
	out := []inspectedNetwork{}
	for _, want := range i.Spec.Networks {
		n := inspectedNetwork{Name: want.Network, Names: []string{}}
		for _, has := range i.Interfaces {
			if has.Network == want.Network {
				n.Interface, n.MAC, n.Names = has.Name, has.MAC, orNone(has.Names)
				n.Address, n.Address6 = orEmptyText(has.Address), orEmptyText(has.Address6)
				n.Gateway, n.Gateway6 = orEmptyText(has.Gateway), orEmptyText(has.Gateway6)
			}
		}
		out = append(out, n)
	}
	return out
}

// orEmptyText is the text of an address, or nothing where there is none.
func orEmptyText[T interface {
	IsValid() bool
	String() string
}](a T) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func inspectPorts(published []endpoint.Port) []inspectedPort {
	out := []inspectedPort{}
	for _, p := range published {
		out = append(out, inspectedPort{p.HostIP, p.HostPort, p.Target, p.Protocol})
	}
	return out
}

// inspectMounts returns what was asked for, what was taken over from others, and
// the anonymous volumes that only the image asks for.
func inspectMounts(i host.Info, at places) ([]inspectedMount, error) {
	out := []inspectedMount{}
	anonymous := maps.Clone(i.Anonymous)
	for _, m := range slices.Concat(i.Spec.Mounts, i.Taken) {
		mount := inspectedMount{Type: m.Type, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly}
		if m.Type == project.MountVolume {
			mount.Name, mount.Source = m.Source, ""
			if m.Source == "" {
				mount.Name, mount.Anonymous = anonymous[m.Target], true
			}
		}
		delete(anonymous, m.Target)
		out = append(out, mount)
	}
	for target, name := range anonymous {
		out = append(out, inspectedMount{Type: project.MountVolume, Name: name, Target: target, Anonymous: true})
	}
	for n, m := range out {
		if m.Name == "" {
			continue
		}
		source, err := at.volume(m.Name)
		if err != nil {
			return nil, err
		}
		out[n].Source = source
	}
	slices.SortFunc(out, func(a, b inspectedMount) int { return strings.Compare(a.Target, b.Target) })
	return out, nil
}
