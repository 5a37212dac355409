package host

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/networks"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

// Network is what people want to know about a network.
type Network struct {
	networks.Record
	// ID is 64 hexadecimal digits, as Docker's are: of the name and the time when
	// it was made. One that is made anew gets another.
	ID string
	// AllLabels are the user's and, of a project's network, those that Docker
	// Compose puts on it.
	AllLabels map[string]string
	// Attached are the containers that are on it now, sorted by ID.
	Attached []AttachedTo
	// Users are the names of the containers that are on it when they run, sorted.
	// LookAtNetworks leaves them out.
	Users []string
}

// AttachedTo is a container's place in one network.
type AttachedTo struct {
	endpoint.Interface
	Container  string // its ID
	Name       string
	EndpointID string // 64 hexadecimal digits
}

// LookAtNetworks returns all networks, sorted by name. Nothing is started for
// it, so who is on them when it runs is not known.
func LookAtNetworks(ctx context.Context, cfg Config) ([]Network, error) {
	nets, err := networks.Open(cfg.Paths)
	if err != nil {
		return nil, err
	}
	defer nets.Close()
	records, err := nets.List(ctx)
	if errors.Is(err, fs.ErrPermission) {
		return nil, ErrNotRoot
	}
	if err != nil {
		return nil, err
	}
	attached, err := endpoint.List(cfg.Paths.Endpoints())
	if err != nil && !errors.Is(err, endpoint.ErrDamaged) { // that is its container's trouble
		return nil, err
	}
	all := make([]Network, len(records))
	for i, r := range records {
		all[i] = describeNetwork(r, attached, cfg.Version)
	}
	return all, nil
}

func describeNetwork(r networks.Record, attached []endpoint.Endpoint, version string) Network {
	n := Network{
		Record:    r,
		ID:        hexID(r.Name, r.CreatedAt.UTC().Format(time.RFC3339Nano)),
		AllLabels: networkLabels(r.Network, version),
	}
	for _, e := range attached {
		for _, i := range e.Interfaces {
			if i.Network == r.Name {
				n.Attached = append(n.Attached, AttachedTo{i, e.ID, e.Name, hexID(n.ID, e.ID)})
			}
		}
	}
	slices.SortFunc(n.Attached, func(a, b AttachedTo) int { return cmp.Compare(a.Container, b.Container) })
	return n
}

func hexID(of, and string) string {
	sum := sha256.Sum256([]byte(of + "\x00" + and))
	return hex.EncodeToString(sum[:])
}

// networkLabels returns the user's labels, and over them Docker Compose's, by
// which other tools tell whose a network is.
func networkLabels(n project.Network, version string) map[string]string {
	all := maps.Clone(n.Labels)
	if all == nil {
		all = map[string]string{}
	}
	if n.Project != "" {
		maps.Copy(all, map[string]string{
			"com.docker.compose.project": n.Project,
			"com.docker.compose.network": n.Key,
			"com.docker.compose.version": version,
		})
	}
	return all
}

// Networks is LookAtNetworks with the containers that are on the networks when
// they run.
func (h *Host) Networks(ctx context.Context) ([]Network, error) {
	found, err := h.containerd.Containers(ctx, containerd.Filter{})
	if err != nil {
		return nil, err
	}
	users := map[string][]string{}
	for _, c := range found {
		for _, e := range c.Record.Spec.Networks {
			users[e.Network] = append(users[e.Network], c.Record.Spec.Name)
		}
	}
	all, err := LookAtNetworks(ctx, h.cfg)
	for i := range all {
		all[i].Users = slices.Compact(slices.Sorted(slices.Values(users[all[i].Name])))
	}
	return all, err
}
