package networks

import "testing"

func TestBridgesOfEngines(t *testing.T) {
	for link, want := range map[string]bool{
		"docker0": true, "docker_gwbridge": true, "br-0123456789af": true,
		"docker1": false, "br-0123456789aF": false, "br-0123456789a": false, "br-0123456789afa": false, "0123456789af": false, "gc0123456789": false,
	} {
		if got := engineBridge(link); got != want {
			t.Errorf("%s: %v", link, got)
		}
	}
}
