package registry

import (
	"path/filepath"
	"reflect"
	"testing"
)

func TestAnotherPullerIsToldOfEachHost(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	write(t, filepath.Join(a, "plain.example", "hosts.toml"), `server = "http://plain.example"`)
	write(t, filepath.Join(b, "plain.example", "hosts.toml"), `server = "https://plain.example"`)
	write(t, filepath.Join(a, "own.example_5000_", "hosts.toml"), "ca = \"ca.pem\"\nclient = [[\"c.pem\", \"/k.pem\"], \"both.pem\"]\n")
	write(t, filepath.Join(a, "docker.example:1", "ca.crt"), "")
	write(t, filepath.Join(a, "docker.example:1", "client.cert"), "")
	write(t, filepath.Join(a, "docker.example:1", "client.key"), "")
	write(t, filepath.Join(b, "_default", "hosts.toml"), `
server = "https://cache.example"
[host."http://two.example:80"]
skip_verify = true
[host."https://one.example"]
capabilities = ["pull", "resolve"]
ca = "/one.pem"
[host."https://path.example/a"]
[host."https://blobs.example"]
capabilities = ["pull"]
[host."https://header.example"]
[host."https://header.example".header]
x = "y"
`)
	got, err := Routes(Config{CertsD: []string{a, b, filepath.Join(a, "none")}})
	want := map[string]Route{
		"plain.example":    {Scheme: "http"},
		"own.example:5000": {CAs: []string{filepath.Join(a, "own.example_5000_", "ca.pem")}, Keys: []KeyPair{{"/k.pem", filepath.Join(a, "own.example_5000_", "c.pem")}, {filepath.Join(a, "own.example_5000_", "both.pem"), filepath.Join(a, "own.example_5000_", "both.pem")}}},
		"docker.example:1": {CAs: []string{filepath.Join(a, "docker.example:1", "ca.crt")}, Keys: []KeyPair{{filepath.Join(a, "docker.example:1", "client.key"), filepath.Join(a, "docker.example:1", "client.cert")}}},
		"docker.io":        {Mirrors: []string{"two.example:80", "one.example", "cache.example"}},
		"two.example:80":   {Scheme: "http", Unverified: true},
		"one.example":      {Scheme: "https", CAs: []string{"/one.pem"}},
		"cache.example":    {Scheme: "https"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
}

func TestAnotherPullerIsNotToldOfWhatIsWrong(t *testing.T) {
	for _, text := range []string{"capabilities = [\"fly\"]", "server = ", "ca = 5", "client = [[5]]"} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "x.example", "hosts.toml"), text)
		if got, err := Routes(Config{CertsD: []string{dir}}); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}
