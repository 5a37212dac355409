package cmd

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// inUTC has local times be those of UTC until the test ends.
func inUTC(t *testing.T) {
	t.Helper()
	local := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
}

// oneOff is a container of `run` that has ended.
func oneOff() host.Info {
	return host.Info{
		Container: planner.Container{
			ID: "shop-web-run-0123456789ab.b7c8d9", State: planner.StateExited, ExitCode: 3, ImageDigest: "sha256:4567",
			Spec: project.Container{
				Project: "shop", Service: "web", Role: "run-0123456789ab", Name: "shop-web-run-0123456789ab",
				Image: "docker.io/library/web:1", Platform: "linux/arm64",
			},
		},
		Name: "shop-web-run-0123456789ab", Labels: map[string]string{"com.docker.compose.oneoff": "True"},
		Command: []string{"sh", "-c", "run the tests of everything"}, CreatedAt: noon.Add(time.Hour),
		StartedAt: noon.Add(time.Hour), ExitedAt: noon.Add(2 * time.Hour), ExitCode: 3,
	}
}

// published is a container with ports of all kinds.
func published() host.Info {
	i := checked()
	i.Exposed = []string{"5432/tcp", "9187/tcp"}
	i.Spec.Mounts = append(i.Spec.Mounts, project.Mount{Type: project.MountBind, Source: "/srv/a/long/path", Target: "/srv"})
	i.Ports = []endpoint.Port{
		{Port: project.Port{Target: 5432, Protocol: "tcp"}, HostPort: 49153},
		{Port: project.Port{Target: 53, Protocol: "udp", HostIP: "::1"}, HostPort: 5353},
	}
	return i
}

func writtenBy(t *testing.T, write func(a *app) error) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&app{Streams: Streams{Out: &out, Err: &out}}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestContainersAreShownInDockersForms(t *testing.T) {
	inUTC(t)
	infos := []host.Info{published(), neverStarted(), oneOff()}
	var all strings.Builder
	for _, f := range []psFlags{
		{format: "table"}, {format: "table", noTrunc: true}, {format: "json"}, {format: "json", noTrunc: true}, {quiet: true, format: "json"},
		{services: true, format: "table"}, {format: `table {{.Name}}\t{{.Ports}}\t{{.Label "com.docker.compose.service"}}`},
		{format: "{{.Name}}: {{json .Publishers}}"},
	} {
		all.WriteString(writtenBy(t, func(a *app) error { return a.printContainers(infos, f, noon.Add(3*time.Hour)) }))
	}
	golden(t, "forms/ps.txt", all.String())
	all.Reset()
	for _, f := range []containerListFlags{
		{format: "table"}, {format: "json"}, {quiet: true, format: "table"}, {format: `table {{.ID}}\t{{.Names}}`, noTrunc: true},
	} {
		all.WriteString(writtenBy(t, func(a *app) error { return a.printAllContainers(infos, f, noon.Add(3*time.Hour)) }))
	}
	golden(t, "forms/container-ls.txt", all.String())
}

func TestPortsAreWrittenAsDockerWritesThem(t *testing.T) {
	port := func(ip string, on, target uint16, protocol string) endpoint.Port {
		return endpoint.Port{Port: project.Port{Target: target, Protocol: protocol, HostIP: ip}, HostPort: on}
	}
	i := host.Info{Container: planner.Container{State: planner.StateRunning}}
	i.Spec.Networks = []project.Endpoint{{Network: "shop_default"}}
	i.Exposed = []string{"90/tcp", "91/tcp", "93/tcp", "5000/udp"}
	i.Ports = []endpoint.Port{
		port("127.0.0.1", 81, 81, "tcp"), port("127.0.0.1", 80, 80, "tcp"), port("", 8443, 443, "tcp"), port("::1", 80, 80, "tcp"),
		port("127.0.0.1", 83, 83, "tcp"), port("127.0.0.1", 84, 84, "tcp"), port("127.0.0.1", 84, 84, "tcp"), port("127.0.0.1", 82, 82, "udp"),
	}
	want := "127.0.0.1:80-81->80-81/tcp, 90-91/tcp, 127.0.0.1:83-84->83-84/tcp, [::1]:80->80/tcp, 127.0.0.1:82->82/udp, 93/tcp, " +
		"5000/udp, 0.0.0.0:8443->443/tcp, [::]:8443->443/tcp"
	if got := portsText(i); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	i.Ports, i.Spec.Networks = nil, nil
	if got := portsText(i); got != "" {
		t.Errorf("of what is in the host's network: %s", got)
	}
	i.State, i.Spec.Networks = planner.StateExited, []project.Endpoint{{Network: "shop_default"}}
	if got := portsText(i); got != "" {
		t.Errorf("of what does not run: %s", got)
	}
}

// someImages are those of published, neverStarted and oneOff, but for the last,
// which is gone.
func someImages() []images.Image {
	built := noon.Add(-72 * time.Hour)
	return []images.Image{
		{Ref: "docker.io/library/also-web:1", Digest: "sha256:4567", ID: "sha256:1111222233334444", Platform: "linux/arm64", Size: 2_000, UpdatedAt: noon},
		{Ref: "docker.io/library/postgres:17", Digest: "sha256:9999", ID: "sha256:ffffffffffffffff", Platform: "linux/amd64"},
		{
			Ref: "registry.example/pg@sha256:" + strings.Repeat("0123", 16), Digest: "sha256:0123", ID: "sha256:aaaabbbbccccdddd", Platform: "linux/amd64",
			Size: 123_456_789, CreatedAt: built, UpdatedAt: noon,
		},
		{Ref: "docker.io/library/web:1", Digest: "sha256:4567", ID: "sha256:1111222233334444", Platform: "linux/arm64", Size: 2_000, UpdatedAt: noon},
	}
}

func TestImagesOfContainersAreShownInDockersForms(t *testing.T) {
	gone := oneOff()
	gone.ImageDigest = "sha256:feedfeedfeedfeed"
	used := usedImages([]host.Info{gone, neverStarted(), published()}, someImages())
	var all strings.Builder
	for _, f := range []imagesFlags{
		{format: "table"}, {format: "json"}, {format: "table", quiet: true}, {format: "{{.ContainerName}} {{.Repository}}:{{.Tag}} {{.Size}}"},
	} {
		all.WriteString(writtenBy(t, func(a *app) error { return a.printUsedImages(used, f, noon) }))
	}
	all.WriteString(writtenBy(t, func(a *app) error { return a.printUsedImages(nil, imagesFlags{format: "json"}, noon) }))
	again := append(used, used...)
	all.WriteString(writtenBy(t, func(a *app) error { return a.printUsedImages(again, imagesFlags{format: "table", quiet: true}, noon) }))
	golden(t, "forms/images.txt", all.String())
}

func TestProjectsAreShownInDockersForms(t *testing.T) {
	one, other, ended := published(), neverStarted(), oneOff()
	one.Spec.Origin.ConfigFiles = []string{"/srv/shop/compose.yaml"}
	other.Spec.Origin.ConfigFiles = []string{"/srv/shop/compose.yaml", "/srv/shop/override.yaml"}
	paused := published()
	paused.Spec.Project, paused.State = "blog", planner.StatePaused
	ended.Spec.Project = "archive"
	infos := []host.Info{one, one, other, paused, ended}
	var all strings.Builder
	for _, whole := range []bool{false, true} {
		rows := projectRows(infos, whole)
		for _, format := range []string{"table", "json", `table {{.Name}}\t{{.Status}}`} {
			r, err := listRows(format)
			if err != nil {
				t.Fatal(err)
			}
			all.WriteString(writtenBy(t, func(a *app) error { return projectTable().write(a.Out, rows, format, r) }))
		}
		all.WriteString(writtenBy(t, func(a *app) error { return projectTable().writeNames(a.Out, rows) }))
	}
	all.WriteString(writtenBy(t, func(a *app) error { return projectTable().write(a.Out, nil, "json", rows{}) }))
	golden(t, "forms/ls.txt", all.String())
}

func TestAPortIsLookedUp(t *testing.T) {
	i := published()
	for arg, want := range map[string]string{
		"5432":     "0.0.0.0:49153",
		"5432/TCP": "0.0.0.0:49153",
		"53/udp":   "[::1]:5353",
		"53":       "no port 53/tcp for container shop-db-1: 5432/tcp, 53/udp",
		"9187":     "no port 9187/tcp for container shop-db-1: 5432/tcp, 53/udp", // it is only exposed
		"http":     `"http" is no port`,
		"0":        `"0" is no port`,
		"65536":    `"65536" is no port`,
		"53/icmp":  `unknown protocol "icmp"`,
	} {
		got, err := "", error(nil)
		port, protocol, err := portFlags{protocol: "tcp"}.wanted(arg, false)
		if err == nil {
			got, err = publishedAt(i, port, protocol)
		}
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", arg, got, want)
		}
	}
	if _, _, err := (portFlags{protocol: "udp"}).wanted("53/tcp", true); err == nil {
		t.Error("two protocols at once are taken")
	}
	if _, protocol, err := (portFlags{protocol: "udp"}).wanted("53/udp", true); err != nil || protocol != "udp" {
		t.Error(protocol, err)
	}
	if _, err := publishedAt(neverStarted(), 80, "tcp"); err == nil || err.Error() != "no port 80/tcp for container shop-web-1: it publishes none" {
		t.Error(err)
	}
}
