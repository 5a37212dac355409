package host

import (
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
