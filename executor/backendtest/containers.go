package backendtest

import (
	"context"
	"net/netip"
	"reflect"
	"slices"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

func testLife(s *suite) {
	id := s.create("n1")
	s.is(id, planner.StateCreated)
	s.must(s.Backend.StartContainer(s.ctx, id))
	s.is(id, planner.StateRunning)
	s.must(s.Backend.StopContainer(s.ctx, id, 0))
	s.is(id, planner.StateExited)
	s.must(s.Backend.StartContainer(s.ctx, id))
	s.is(id, planner.StateRunning)
	s.must(s.Backend.StopContainer(s.ctx, id, 0))
	s.must(s.Backend.RemoveContainer(s.ctx, id))
	s.is(id, "")
}

func testRepeated(s *suite) {
	id := s.create("n1")
	s.must(s.Backend.CreateContainer(s.ctx, id, s.spec(), nil))
	s.is(id, planner.StateCreated)
	for range 2 {
		s.must(s.Backend.StartContainer(s.ctx, id))
		s.is(id, planner.StateRunning)
	}
	for range 2 {
		s.must(s.Backend.StopContainer(s.ctx, id, 0))
		s.is(id, planner.StateExited)
	}
	for range 2 {
		s.must(s.Backend.RemoveContainer(s.ctx, id))
		s.is(id, "")
	}
}

func testNeverStarted(s *suite) {
	id := s.create("n1")
	s.must(s.Backend.StopContainer(s.ctx, id, 0))
	s.must(s.Backend.RemoveContainer(s.ctx, id))
	s.is(id, "")
}

func testAbsent(s *suite) {
	s.must(s.Backend.StopContainer(s.ctx, s.id("n9"), 0))
	s.must(s.Backend.RemoveContainer(s.ctx, s.id("n9")))
}

func testCreateWithoutImage(s *suite) {
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	spec := s.spec()
	spec.Image = s.MissingImage
	s.fails(s.Backend.CreateContainer(s.ctx, s.id("n1"), spec, nil), "creating a container of %s", spec.Image)
	s.is(s.id("n1"), "")
}

func testStartAbsent(s *suite) {
	s.fails(s.Backend.StartContainer(s.ctx, s.id("n9")), "starting what is not there")
	s.is(s.id("n9"), "")
}

func testAnonymous(s *suite) {
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	spec := s.spec()
	spec.Mounts = []project.Mount{{Type: project.MountVolume, Target: "/anonymous"}}
	s.must(s.Backend.CreateContainer(s.ctx, s.id("n1"), spec, nil))
	s.must(s.Backend.StartContainer(s.ctx, s.id("n1")))
	old, _ := s.container(s.id("n1"))
	volume := old.Anonymous["/anonymous"]
	if volume == "" {
		s.Fatal("there is no anonymous volume")
	}
	s.must(s.Backend.CreateContainer(s.ctx, s.id("n2"), spec, old.Anonymous))
	s.must(s.Backend.StopContainer(s.ctx, s.id("n1"), 0))
	s.must(s.Backend.RemoveContainer(s.ctx, s.id("n1")))
	s.must(s.Backend.StartContainer(s.ctx, s.id("n2")))
	if c, _ := s.container(s.id("n2")); c.Anonymous["/anonymous"] != volume {
		s.Errorf("the replacement has %v, want %s", c.Anonymous, volume)
	}
	s.must(s.Backend.StopContainer(s.ctx, s.id("n2"), 0))
	s.must(s.Backend.RemoveContainer(s.ctx, s.id("n2")))
	i := slices.IndexFunc(s.observe().Volumes, func(v project.Volume) bool { return v.Name == volume })
	if i < 0 {
		s.Fatalf("removing the container has removed its volume")
	}
	v := s.observe().Volumes[i]
	if !v.Anonymous || v.Project != projectName {
		s.Errorf("the volume is %+v", v)
	}
	s.must(s.Backend.RemoveVolume(s.ctx, v))
}

// The planner makes a replacement before the old container is stopped.
func testReplacement(s *suite) {
	old := s.create("n1")
	s.must(s.Backend.StartContainer(s.ctx, old))
	replacement := s.create("n2")
	s.is(old, planner.StateRunning)
	s.is(replacement, planner.StateCreated)
	s.must(s.Backend.StopContainer(s.ctx, old, 0))
	s.must(s.Backend.RemoveContainer(s.ctx, old))
	s.must(s.Backend.StartContainer(s.ctx, replacement))
	s.is(old, "")
	s.is(replacement, planner.StateRunning)
}

func testCancelled(s *suite) {
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	id := s.id("n1")
	calls := []struct {
		name string
		call func(context.Context) error
	}{
		{"create", func(ctx context.Context) error { return s.Backend.CreateContainer(ctx, id, s.spec(), nil) }},
		{"start", func(ctx context.Context) error { return s.Backend.StartContainer(ctx, id) }},
		{"stop", func(ctx context.Context) error { return s.Backend.StopContainer(ctx, id, 0) }},
		{"remove", func(ctx context.Context) error { return s.Backend.RemoveContainer(ctx, id) }},
		{"remove the network", func(ctx context.Context) error { return s.Backend.RemoveNetwork(ctx, s.network()) }},
	}
	for _, c := range calls {
		_ = c.call(ended) // done or not: it must be possible to do it now
		if err := c.call(s.ctx); err != nil {
			s.Fatalf("%s, after a call that was cancelled: %v", c.name, err)
		}
	}
	s.is(id, "")
}

func testSpecification(s *suite) {
	s.must(s.Backend.CreateNetwork(s.ctx, s.network()))
	s.must(s.Backend.CreateVolume(s.ctx, s.volume()))
	want := s.spec()
	want.Entrypoint, want.Env = []string{}, map[string]string{"A": "ä \"quoted\"\nline", "EMPTY": ""}
	want.Labels = map[string]string{"org.example/label": "1"}
	want.Mounts = []project.Mount{{Type: project.MountVolume, Source: s.volume().Name, Target: "/data", NoCopy: true}}
	want.Needs = []project.Need{{Service: "db", Condition: project.Started, Restart: true}}
	want.Ports = []project.Port{{Target: 80, Protocol: "udp", Published: 28080, PublishedEnd: 28090}}
	want.Networks = []project.Endpoint{{
		Network: s.network().Name, Aliases: []string{"www"}, IPv4: netip.MustParseAddr("10.213.77.9"), IPv6: netip.MustParseAddr("fd00::9"),
		LinkLocal: []netip.Addr{netip.MustParseAddr("169.254.8.8")}, MAC: "02:42:0a:01:00:09", Interface: "front0", GatewayPriority: -1,
		Sysctls: map[string]string{"net.ipv4.conf.IFNAME.log_martians": "1"},
	}}
	want.Links = []project.Link{{Service: "db", Alias: "database"}}
	want.DNS = project.Resolver{Servers: []netip.Addr{netip.MustParseAddr("10.213.77.53")}, Search: []string{"."}}
	want.Domainname = "example.org"
	want.Origin = project.Origin{WorkingDir: "/srv/shop", ConfigFiles: []string{"/srv/shop/compose.yaml"}}
	s.must(s.Backend.CreateContainer(s.ctx, s.id("n1"), want, nil))
	c, there := s.container(s.id("n1"))
	if !there || !reflect.DeepEqual(c.Spec, want) {
		s.Errorf("got  %+v\nwant %+v", c.Spec, want)
	}
	if c.ImageDigest == "" || c.ImageDigest != s.observe().Images[s.Image] {
		s.Errorf("the image's digest is %q, on the host it is %q", c.ImageDigest, s.observe().Images[s.Image])
	}
}
