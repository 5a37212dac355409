package daemon

import "testing"

func TestProcessIsKnownByItsWholeCommandLine(t *testing.T) {
	const file = "/run/gocompose/containerd/config.toml"
	of := Known{Name: "containerd", Args: []string{"--config", file}}
	for line, want := range map[string]bool{
		"/opt/bin/containerd\x00--config\x00" + file + "\x00":          true,
		"containerd\x00--config\x00" + file + "\x00":                   true,
		"containerd\x00--config\x00" + file + ".old\x00":               false,
		"containerd\x00--config\x00/etc/containerd/config.toml\x00":    false,
		"vi\x00" + file + "\x00":                                       false,
		"sh\x00-c\x00containerd --config " + file + "\x00":             false,
		"containerd\x00--config\x00" + file + "\x00config\x00dump\x00": false,
		"": false,
	} {
		if got := of.is([]byte(line)); got != want {
			t.Errorf("%q is the daemon: %t", line, got)
		}
	}
}
