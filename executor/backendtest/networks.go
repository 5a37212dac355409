package backendtest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// What does not run is not on its network: it is attached when it is started.
func testNetworkReplaced(s *suite) {
	id := s.create("n1")
	s.must(s.Backend.StartContainer(s.ctx, id))
	s.must(s.Backend.StopContainer(s.ctx, id, 0))
	s.must(s.Backend.RemoveNetwork(s.ctx, s.network()))
	other := s.network()
	other.Subnets = []project.Subnet{{Subnet: netip.MustParsePrefix("10.213.77.0/24")}}
	s.must(s.Backend.CreateNetwork(s.ctx, other))
	s.must(s.Backend.StartContainer(s.ctx, id))
	s.is(id, planner.StateRunning)
	list := s.observe().Networks
	i := slices.IndexFunc(list, func(n project.Network) bool { return n.Name == other.Name })
	if i < 0 || !slices.EqualFunc(list[i].Subnets, other.Subnets, func(x, y project.Subnet) bool { return x.Subnet == y.Subnet }) {
		s.Errorf("the networks are %+v", list)
	}
}

func testStartWithoutNetwork(s *suite) {
	id := s.id("n1")
	s.must(s.Backend.CreateContainer(s.ctx, id, s.spec(), nil))
	s.fails(s.Backend.StartContainer(s.ctx, id), "starting without the network")
	s.is(id, planner.StateCreated)
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	s.must(s.Backend.StartContainer(s.ctx, id))
	s.is(id, planner.StateRunning)
}

// other makes a container of that service and replica.
func (s *suite) other(service string, replica int, change func(*project.Container)) string {
	s.Helper()
	spec := s.spec()
	spec.Service, spec.Replica = service, replica
	spec.Name = fmt.Sprintf("%s-%s-%d", projectName, service, replica)
	change(&spec)
	id := planner.ContainerID(projectName, service, replica, "n1")
	s.must(s.Backend.CreateContainer(s.ctx, id, spec, nil))
	return id
}

// Replicas have a fixed host port together, services do not.
func testSharedPort(s *suite) {
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	published := func(c *project.Container) {
		c.Ports = []project.Port{{Target: 80, Protocol: "tcp", HostIP: "127.0.0.1", Published: 28080}}
	}
	first, second, rival := s.other("web", 1, published), s.other("web", 2, published), s.other("rival", 1, published)
	s.must(s.Backend.StartContainer(s.ctx, first))
	s.must(s.Backend.StartContainer(s.ctx, second))
	for range 2 { // whether both run or one
		s.fails(s.Backend.StartContainer(s.ctx, rival), "starting another service with the port")
		s.is(rival, planner.StateCreated)
		s.is(second, planner.StateRunning)
		s.must(s.Backend.StopContainer(s.ctx, first, 0))
	}
	s.must(s.Backend.StartContainer(s.ctx, first))
	s.is(first, planner.StateRunning)
	s.must(s.Backend.StopContainer(s.ctx, first, 0))
	s.must(s.Backend.StopContainer(s.ctx, second, 0))
	s.must(s.Backend.StartContainer(s.ctx, rival))
	s.is(rival, planner.StateRunning)
}

// Whose network namespace is shared must run; when it is started again, who shares
// it is on its networks again.
func testSharedNamespace(s *suite) {
	s.shares(s.create("n1"), func(c *project.Container) {
		c.Networks, c.NetworkMode = nil, project.ModeService+"web"
	})
}

// The same of an IPC namespace, which the owner gives to be shared.
func testSharedIPC(s *suite) {
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	owner := s.other("web", 1, func(c *project.Container) { c.Namespaces.IPC = project.IPCShareable })
	s.shares(owner, func(c *project.Container) { c.Namespaces.IPC = project.ModeService + "web" })
}

// shares starts and stops the owner of a namespace, and a guest in it.
func (s *suite) shares(owner string, change func(*project.Container)) {
	s.Helper()
	guest := s.other("guest", 1, change)
	s.fails(s.Backend.StartContainer(s.ctx, guest), "sharing with what does not run")
	s.is(guest, planner.StateCreated)
	s.must(s.Backend.StartContainer(s.ctx, owner))
	for range 2 {
		s.must(s.Backend.StartContainer(s.ctx, guest))
		s.is(guest, planner.StateRunning)
		s.cutOff(guest, false)
		s.must(s.Backend.StopContainer(s.ctx, owner, 0))
		s.cutOff(guest, true)
		s.must(s.Backend.StartContainer(s.ctx, owner))
		s.cutOff(guest, false)
		s.must(s.Backend.StopContainer(s.ctx, guest, 0))
	}
}

func testSharedPID(s *suite) {
	owner := s.create("n1")
	guest := s.other("guest", 1, func(c *project.Container) { c.Namespaces.PID = project.ModeService + "web" })
	s.fails(s.Backend.StartContainer(s.ctx, guest), "being among the processes of what does not run")
	for range 2 {
		s.must(s.Backend.StartContainer(s.ctx, owner))
		s.must(s.Backend.StartContainer(s.ctx, guest))
		s.is(guest, planner.StateRunning)
		s.must(s.Backend.StopContainer(s.ctx, owner, 0))
		var why *planner.AwaitError
		if err := s.Backend.AwaitContainer(s.ctx, guest, project.Completed); !errors.As(err, &why) || !why.Exited {
			s.Errorf("waiting for the guest to end: %v", err)
		}
		s.is(guest, planner.StateExited)
		s.fails(s.Backend.StartContainer(s.ctx, guest), "being among the processes of what does not run any more")
	}
}

func (s *suite) cutOff(id string, want bool) {
	s.Helper()
	if c, _ := s.container(id); c.CutOff != want {
		s.Errorf("%s is cut off: %v", id, c.CutOff)
	}
}
