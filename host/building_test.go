package host

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/gocompose/gocompose/project"
)

// The network of steps is asked for its gateway only by who needs that.
func TestHostGatewayOfSteps(t *testing.T) {
	for want, b := range map[string]project.Build{
		"":          {Hosts: []string{"db=10.0.0.1", "host-gateway=10.0.0.2"}},
		"127.0.0.1": {Hosts: []string{"up=host-gateway"}, Network: "host"},
	} {
		if got, err := (&Host{}).stepsGateway(t.Context(), b); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}

// What the files say of a proxy goes before the user's configuration.
func TestBuildsHaveTheUsersProxies(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	text := `{"proxies":{"default":{"httpProxy":"http://proxy.example","noProxy":"local"}}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := map[string]string{"HTTP_PROXY": "", "VERSION": "1"}
	got, err := withProxies(args)
	want := map[string]string{"HTTP_PROXY": "", "http_proxy": "http://proxy.example", "NO_PROXY": "local", "no_proxy": "local", "VERSION": "1"}
	if err != nil || !maps.Equal(got, want) || len(args) != 2 {
		t.Errorf("%v, %v, of %v", got, err, args)
	}
}
