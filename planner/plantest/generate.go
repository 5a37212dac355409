package plantest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// ProjectName is the name of all generated projects.
const ProjectName = "demo"

// What generated projects are made of. A service may need those before it.
var (
	services     = []string{"cache", "db", "my-api", "proxy", "web"}
	images       = []string{"img:0", "img:1", "img:2"}
	mountTargets = []string{"/data", "/tmp/x", "/var/lib/x"}
)

// dataVolume is the volume of the project, where it has one.
const dataVolume = ProjectName + "_data"

// neighbour is the name of a container of another project, which always runs.
const neighbour = "other-box-1"

// Projects generates wanted states: scales, images, variables, networks of
// several definitions, namespaces of others, all kinds of mounts, ports
// and container names that pass from service to service, one-shots, health checks, restart policies, dependencies without
// cycles, on conditions that mostly can hold.
func Projects() *rapid.Generator[*project.Project] {
	return rapid.Custom(func(t *rapid.T) *project.Project {
		g := generator{T: t, p: &project.Project{Name: ProjectName, Known: slices.Clone(services)}}
		g.ports = rapid.Permutation([]uint16{8080, 8081, 0, 0, 0}).Draw(t, "ports")
		g.names = rapid.Permutation([]string{"one", "two", "", "", ""}).Draw(t, "names")
		for i := range services {
			if rapid.IntRange(0, 4).Draw(t, "present") > 0 {
				g.service(i)
			}
		}
		// What no file defines is an orphan.
		g.p.Known = slices.DeleteFunc(g.p.Known, func(name string) bool { return !g.has(name) })
		g.resources()
		return g.p
	})
}

type generator struct {
	*rapid.T
	p     *project.Project
	ports []uint16 // by service
	names []string // by service
}

func (g *generator) has(service string) bool {
	return slices.ContainsFunc(g.p.Services, func(s project.Service) bool { return s.Name == service })
}

func (g *generator) flip(what string) bool { return rapid.Bool().Draw(g.T, what) }

func (g *generator) service(i int) {
	s := project.Service{Name: services[i], Replicas: rapid.IntRange(0, 3).Draw(g.T, "replicas")}
	c := &s.Template
	c.Project, c.Service = ProjectName, s.Name
	c.Image = rapid.SampledFrom(images).Draw(g.T, "image")
	g.built(&s)
	c.Env = map[string]string{"A": fmt.Sprint(rapid.IntRange(0, 2).Draw(g.T, "A"))}
	if s.Replicas <= 1 {
		c.Name = g.names[i]
	}
	for _, target := range mountTargets {
		if m := rapid.SampledFrom(mounts(target)).Draw(g.T, "mount"); m.Type != "" {
			c.Mounts = append(c.Mounts, m)
		}
	}
	g.volumesFrom(c)
	g.fate(c)
	for _, dep := range g.p.Services {
		taken := slices.ContainsFunc(c.Needs, func(n project.Need) bool { return n.Service == dep.Name })
		if !taken && g.flip("needs") {
			c.Needs = append(c.Needs, g.need(dep))
		}
	}
	slices.SortFunc(c.Needs, func(a, b project.Need) int { return strings.Compare(a.Service, b.Service) })
	g.network(c, g.ports[i])
	s.Job = fateOf(*c).ends && g.flip("job")
	c.Namespaces.IPC, c.Namespaces.PID = g.namespace("ipc", project.AttributeIPC), g.namespace("pid", project.AttributePID)
	g.hooks(c)
	g.p.Services = append(g.p.Services, s)
}

// built has the image built, of a few services: some begin with those of others.
func (g *generator) built(s *project.Service) {
	if rapid.IntRange(0, 4).Draw(g.T, "built") > 0 {
		return
	}
	s.Template.Image = ProjectName + "-" + s.Name
	s.Build = &project.Build{Context: "/" + s.Name, Args: map[string]string{"V": fmt.Sprint(rapid.IntRange(0, 1).Draw(g.T, "V"))}, Owner: s.Name}
	for _, dep := range g.p.Services {
		if dep.Build != nil {
			s.Build.Bases = append(s.Build.Bases, dep.Template.Image)
		}
	}
}

// volumesFrom says whose mounts the containers take over, mostly nobody's.
func (g *generator) volumesFrom(c *project.Container) {
	kind := rapid.IntRange(0, 9).Draw(g.T, "from")
	if kind == 0 {
		c.VolumesFrom = []project.VolumesFrom{{Container: neighbour}}
	}
	if kind > 3 || len(g.p.Services) == 0 {
		return
	}
	dep := rapid.SampledFrom(g.p.Services).Draw(g.T, "supplier")
	f := project.VolumesFrom{Service: dep.Name, ReadOnly: g.flip("read-only")}
	switch {
	case dep.Replicas == 0:
		return
	case kind == 1 && dep.Template.Name == "": // a name that does not pass to others
		f = project.VolumesFrom{Container: dep.Container(1).Name}
	default:
		c.Needs = append(c.Needs, project.Need{Service: dep.Name, Condition: project.Started}) // as the loader has it
	}
	c.VolumesFrom = append(c.VolumesFrom, f)
}

// network says where the containers are reached: mostly on networks, else in the
// network namespace of another that runs.
func (g *generator) network(c *project.Container, port uint16) {
	if rapid.IntRange(0, 3).Draw(g.T, "linked") == 0 {
		c.Links = []project.Link{{Container: neighbour, Alias: "box"}}
	}
	kind := rapid.IntRange(0, 9).Draw(g.T, "mode")
	if kind < 3 && len(g.p.Services) > 0 {
		dep := rapid.SampledFrom(g.p.Services).Draw(g.T, "shared")
		switch f := fateOf(dep.Template); {
		case f.ends || dep.Replicas == 0:
		case kind == 0 && dep.Template.Name == "": // a name that does not pass to others
			c.NetworkMode = project.NetworkMode(project.ModeContainer + dep.Container(1).Name)
		default:
			c.NetworkMode = project.NetworkMode(project.ModeService + dep.Name)
		}
	}
	switch {
	case c.NetworkMode != "":
		return
	case kind == 3:
		c.NetworkMode = project.NetworkMode(project.ModeContainer + neighbour)
		return
	case kind == 4:
		c.NetworkMode = project.ModeHost
		return
	case kind == 5:
		c.Networks = []project.Endpoint{{Network: project.DefaultBridge}}
	default:
		c.Networks = []project.Endpoint{{Network: ProjectName + "_default"}}
		if g.flip("back") {
			c.Networks = append(c.Networks, project.Endpoint{Network: ProjectName + "_back"})
		}
	}
	if port != 0 {
		c.Ports = []project.Port{{Target: 80, Protocol: "tcp", Published: port}}
		if g.flip("range") {
			c.Ports[0].PublishedEnd = port + 10
		}
	}
}

// definition draws how a network is defined, mostly as most are.
func (g *generator) definition(name string) project.Network {
	n := project.Network{Name: name, Project: ProjectName, Driver: "bridge"}
	switch rapid.IntRange(0, 7).Draw(g.T, "definition") {
	case 0:
		n.Driver = "" // which is the same
	case 1:
		n.Subnets = []project.Subnet{{Subnet: netip.MustParsePrefix("10.1.0.0/16")}}
	case 2:
		n.Options = map[string]string{"com.docker.network.driver.mtu": "1400"}
	case 3:
		n.Internal = true
	}
	return n
}

// namespace draws whose namespace a container has: mostly its own, else that of
// another that runs.
func (g *generator) namespace(what, attribute string) project.NamespaceMode {
	kind := rapid.IntRange(0, 15).Draw(g.T, what)
	if kind == 3 {
		return project.ModeContainer + neighbour
	}
	if kind > 1 || len(g.p.Services) == 0 {
		return ""
	}
	dep := rapid.SampledFrom(g.p.Services).Draw(g.T, "whose "+what)
	for _, share := range dep.Template.Shares() {
		if share.Attribute == attribute { // whose it is in the end
			return project.NamespaceMode(share.Mode)
		}
	}
	switch f := fateOf(dep.Template); {
	case f.ends || dep.Replicas == 0:
		return ""
	case kind == 0 && dep.Template.Name == "":
		return project.NamespaceMode(project.ModeContainer + dep.Container(1).Name)
	default:
		return project.NamespaceMode(project.ModeService + dep.Name)
	}
}

// Most services run and are healthy, if that is checked.
var (
	commands = [][]string{nil, nil, nil, nil, {"sh", "-c", "exit 0"}, {"sh", "-c", "exit 0"}, {"sh", "-c", "exit 3"}}
	checks   = []*project.Healthcheck{
		nil, nil, {Test: []string{"CMD-SHELL", "exit 0"}}, {Test: []string{"CMD-SHELL", "exit 0"}},
		{Test: []string{"CMD-SHELL", "exit 0"}, Retries: 2}, {Test: []string{"CMD-SHELL", "exit 1"}},
	}
	policies = []project.Restart{
		{}, {}, {}, {Condition: project.RestartAlways}, {Condition: project.RestartUnlessStopped},
		{Condition: project.RestartOnFailure, MaxAttempts: 2}, {Condition: project.RestartOnFailure},
	}
)

// fate says what becomes of the containers.
func (g *generator) fate(c *project.Container) {
	c.Command = rapid.SampledFrom(commands).Draw(g.T, "command")
	c.Health = rapid.SampledFrom(checks).Draw(g.T, "health")
	c.Restart = rapid.SampledFrom(policies).Draw(g.T, "policy")
}

// need draws what a service needs of one before it.
func (g *generator) need(dep project.Service) project.Need {
	f := fateOf(dep.Template)
	likely := project.Started
	switch {
	case f.ends:
		likely = project.Completed
	case f.checked:
		likely = project.Healthy
	}
	n := project.Need{Service: dep.Name, Condition: likely, Restart: g.flip("restart"), Optional: rapid.IntRange(0, 3).Draw(g.T, "optional") == 0}
	if rapid.IntRange(0, 3).Draw(g.T, "condition") == 0 {
		n.Condition = rapid.SampledFrom([]project.Condition{project.Started, project.Healthy, project.Completed}).Draw(g.T, "any")
	}
	return n
}

// mounts returns the mounts to choose from, the first of them none.
func mounts(target string) []project.Mount {
	return []project.Mount{
		{},
		{Type: project.MountVolume, Target: target},
		{Type: project.MountVolume, Source: dataVolume, Target: target},
		{Type: project.MountVolume, Source: "outside", Target: target},
		{Type: project.MountBind, Source: "/srv", Target: target},
		{Type: project.MountTmpfs, Target: target},
		{Type: project.MountImage, Source: images[1], Target: target, ReadOnly: true},
	}
}

// resources names the networks and volumes that the services use.
func (g *generator) resources() {
	nets, vols := map[string]bool{}, map[string]bool{}
	for _, s := range g.p.Services {
		for _, n := range s.Template.Networks {
			nets[n.Network] = true
		}
		for _, m := range s.Template.Mounts {
			vols[m.Source] = m.Type == project.MountVolume && m.Source != "" || vols[m.Source]
		}
	}
	for _, n := range []string{ProjectName + "_back", ProjectName + "_default"} {
		if nets[n] {
			g.p.Networks = append(g.p.Networks, g.definition(n))
		}
	}
	if nets[project.DefaultBridge] {
		g.p.Networks = append(g.p.Networks, project.Network{Name: project.DefaultBridge})
	}
	if vols[dataVolume] {
		v := project.Volume{Name: dataVolume, Key: "data", Project: ProjectName}
		if rapid.IntRange(0, 3).Draw(g.T, "volume") == 0 {
			v.Options = map[string]string{"type": "tmpfs"}
		}
		g.p.Volumes = append(g.p.Volumes, v)
	}
	if vols["outside"] {
		g.p.Volumes = append(g.p.Volumes, project.Volume{Name: "outside", External: true})
	}
}

// Kind is what happens in a Move.
type Kind string

const (
	MoveUp      Kind = "up"
	MoveDown    Kind = "down"
	MoveStop    Kind = "stop"
	MoveStart   Kind = "start"
	MoveCrash   Kind = "crash"   // of one container
	MoveVanish  Kind = "vanish"  // of one container, by another tool
	MovePublish Kind = "publish" // a tag moves, and the new image is here
	MoveRestart Kind = "restart"
	MoveKill    Kind = "kill"
	MovePause   Kind = "pause"
	MoveUnpause Kind = "unpause"
	MoveRemove  Kind = "rm"
	MoveReboot  Kind = "reboot" // and what restart policies make of it
	MoveRun     Kind = "run"    // of one service
)

// Move is one event of a history.
type Move struct {
	Kind    Kind
	Project *project.Project // Up, Down, Run
	Options planner.Options  // without a nonce
	Faults  []Fault          // of the calls, over and over
	Cancel  int              // the call at which the context ends; 0: never
	Pick    int              // which container, which image, which service
}
