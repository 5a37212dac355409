// Package plantest is a world in memory that plans are carried out in, with
// what it takes to try the planner on thousands of random histories.
package plantest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gocompose/gocompose/executor"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// Fault is what goes wrong in a call.
type Fault int

const (
	None   Fault = iota
	Before       // the call fails and nothing was done
	After        // the call fails though all was done
	Lose         // the call succeeds though nothing was done: a lie
)

// World is a fake runtime and an executor.Backend. It refuses what the real one
// refuses, so that a plan in a wrong order fails. What becomes of a container is
// in its specification, see fate; it comes to pass when somebody waits for it,
// or with Pass. Set the exported fields before it is used.
type World struct {
	// Impatient: waits that would not end fail at once, with ErrForever.
	Impatient bool
	// Provides is the type of providers that there is a program for; empty: there is
	// none.
	Provides string
	// Booting: what starts is started by its policy, and not by the user.
	Booting bool
	// Fault, when set, is asked before each call: "start shop-web-1.k3".
	Fault func(call string) Fault
	// Delay, when set, is how long a call takes. A call whose context ends
	// before has done nothing.
	Delay func(call string) time.Duration

	mu           sync.Mutex
	containers   map[string]container
	networks     map[string]project.Network
	volumes      map[string]project.Volume
	images       map[string]string   // reference to digest
	registry     map[string]string   // the same, elsewhere
	imageVolumes map[string][]string // reference to mount targets
	signed       map[signature]bool
	verified     map[signature]bool // those of signed that somebody has looked at
	ports        []planner.TakenPort
	used         map[string]bool // identifiers that were given out
	calls        []string
	changed      chan struct{} // closed at the next change; nil: nobody waits for one
}

// NewWorld returns a world with nothing in it.
func NewWorld() *World {
	return &World{
		containers: map[string]container{}, networks: map[string]project.Network{},
		volumes: map[string]project.Volume{}, images: map[string]string{}, registry: map[string]string{},
		imageVolumes: map[string][]string{}, used: map[string]bool{},
		signed: map[signature]bool{}, verified: map[signature]bool{},
	}
}

// signature is an image and a policy, both by their digests.
type signature struct{ image, policy string }

// Sign has what a digest is of be signed as a policy asks for.
func (w *World) Sign(digest string, p project.Verify) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.signed[signature{digest, p.Digest()}] = true
}

// Publish puts an image into the registry; volumes are the mount targets that
// it declares.
func (w *World) Publish(ref, digest string, volumes ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.registry[ref], w.imageVolumes[ref] = digest, volumes
}

// Load makes the registry's image, or any, local.
func (w *World) Load(ref string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d, ok := w.registry[ref]; ok {
		w.images[ref] = d
	}
}

// Occupy has something outside hold a host port.
func (w *World) Occupy(p project.Port, holder string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ports = append(w.ports, planner.TakenPort{Port: p, Holder: holder})
}

// Put makes a network and a volume that belong to nobody, unless named "".
func (w *World) Put(network, volume string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if network != "" {
		w.networks[network] = project.Network{Name: network}
	}
	if volume != "" {
		w.volumes[volume] = project.Volume{Name: volume}
	}
}

// Neighbour has a container of another project run, anew if it did.
func (w *World) Neighbour(projectName, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.containers[name]
	c.ID, c.Spec = name, project.Container{Project: projectName, Service: name, Replica: 1, Name: name}
	c.start()
	w.put(c)
}

// Calls returns the calls that were made, in order.
func (w *World) Calls() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// Observe returns what is in the world, as far as a project is concerned.
func (w *World) Observe(name string) planner.Observed {
	w.mu.Lock()
	defer w.mu.Unlock()
	obs := planner.Observed{
		Images: maps.Clone(w.images), Names: map[string]string{}, Ports: slices.Clone(w.ports),
		Used: map[project.ID][]string{}, Others: map[string]bool{}, OtherIDs: map[string]string{},
	}
	obs.Verified = map[string][]string{}
	for s := range w.verified {
		for ref, digest := range w.images {
			if digest == s.image {
				obs.Verified[ref] = append(obs.Verified[ref], s.policy)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.containers)) {
		c := w.containers[id].Container
		if _, another := obs.OtherIDs[c.Spec.Name]; !another || c.Running() {
			obs.OtherIDs[c.Spec.Name] = c.ID
		}
		obs.Others[c.Spec.Name] = c.Running()
		if c.Spec.Project == name {
			c.CutOff = w.cutOff(w.containers[id])
			c.Anonymous, c.ExitCode = maps.Clone(c.Anonymous), 0
			if c.State == planner.StateExited {
				c.ExitCode = w.containers[id].code
			}
			c.HooksDue = w.containers[id].due && c.Running()
			switch ended := c.State == planner.StateExited && c.Spec.Temporary; {
			case ended, c.Spec.OneOff() && c.State == planner.StateCreated, c.Spec.Role != "" && !c.Spec.OneOff():
				obs.Leftovers = append(obs.Leftovers, c)
			case c.Spec.OneOff():
				obs.OneOffs = append(obs.OneOffs, c)
			default:
				obs.Containers = append(obs.Containers, c)
			}
			continue
		}
		obs.Names[c.Spec.Name] = c.Spec.Project
		for _, n := range c.Spec.Networks {
			if id := (project.Network{Name: n.Network}).ID(); c.Running() {
				obs.Used[id] = append(obs.Used[id], c.Spec.Name)
			}
		}
		for _, p := range c.Spec.Ports {
			if c.Running() && p.Fixed() {
				obs.Ports = append(obs.Ports, planner.TakenPort{Port: p, Holder: "container " + c.Spec.Name})
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(w.networks)) {
		obs.Networks = append(obs.Networks, w.networks[k])
	}
	for _, k := range slices.Sorted(maps.Keys(w.volumes)) {
		if v := w.volumes[k]; !v.Anonymous || v.Project == name {
			obs.Volumes = append(obs.Volumes, v)
		}
	}
	return obs
}

// Kill ends the process of a container, as a crash would.
func (w *World) Kill(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.containers[id]; ok && c.Running() && c.State != planner.StateRestarting {
		c.end(killed)
		w.put(c)
	}
}

// Pass lets time pass: what is bound to become of the containers does.
func (w *World) Pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.containers {
		w.put(w.pass(c))
	}
}

// Reboot ends every process. Nothing is started again by itself.
func (w *World) Reboot() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.containers {
		if c.Running() {
			c.State, c.code = planner.StateExited, killed
			w.put(c)
		}
	}
}

// Holds tells whether the container is now what until says: started, when it has
// ever been.
func (w *World) Holds(id string, until project.Condition) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.containers[id]
	if until == project.Started || until == "" {
		return ok && c.State != planner.StateCreated
	}
	return ok && c.is(until) == nil
}

// Lost makes a container vanish, as a user with other tools would.
func (w *World) Lost(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.containers, id)
}

// call is the way of every call: it may take time, be interrupted, and go wrong.
func (w *World) call(ctx context.Context, name string, f func() error) error {
	if w.Delay != nil {
		t := time.NewTimer(w.Delay(name))
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, name)
	fault := None
	if w.Fault != nil {
		fault = w.Fault(name)
	}
	switch fault {
	case Before:
		return fmt.Errorf("injected before %s", name)
	case Lose:
		return nil
	}
	if err := f(); err != nil {
		return err
	}
	if fault == After {
		return fmt.Errorf("injected after %s", name)
	}
	return nil
}

var _ executor.Backend = (*World)(nil)
