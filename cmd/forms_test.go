package cmd

import (
	"bytes"
	"strings"
	"testing"
	"time"

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
	i.Spec.Expose = []string{"5432/tcp", "9187/tcp"}
	i.Ports = []endpoint.Port{
		{Port: project.Port{Target: 5432, Protocol: "tcp"}, HostPort: 49153},
		{Port: project.Port{Target: 53, Protocol: "udp", HostIP: "::1"}, HostPort: 5353},
	}
	return i
}

func shown(t *testing.T, write func(a *app) error) string {
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
		all.WriteString(shown(t, func(a *app) error { return a.printContainers(infos, f, noon.Add(3*time.Hour)) }))
	}
	golden(t, "forms/ps.txt", all.String())
	all.Reset()
	for _, f := range []containerListFlags{
		{format: "table"}, {format: "json"}, {quiet: true, format: "table"}, {format: `table {{.ID}}\t{{.Names}}`, noTrunc: true},
	} {
		all.WriteString(shown(t, func(a *app) error { return a.printAllContainers(infos, f, noon.Add(3*time.Hour)) }))
	}
	golden(t, "forms/container-ls.txt", all.String())
}
