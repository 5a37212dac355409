package networks

import (
	"testing"

	"github.com/gocompose/gocompose/networks/endpoint"
)

// What is of no service has its host ports for itself.
func TestReplicasOfOneServiceAreTheSame(t *testing.T) {
	of := func(id, project, service string) endpoint.Endpoint {
		return endpoint.Endpoint{ID: id, Project: project, Service: service}
	}
	for _, c := range []struct {
		a, b endpoint.Endpoint
		want bool
	}{
		{of("1", "shop", "web"), of("2", "shop", "web"), true},
		{of("1", "shop", "web"), of("2", "shop", "db"), false},
		{of("1", "shop", "web"), of("2", "blog", "web"), false},
		{of("1", "shop", ""), of("2", "shop", ""), false},
		{of("1", "", ""), of("2", "", ""), false},
		{of("1", "shop", ""), of("1", "shop", ""), true},
	} {
		if got := sameService(c.a, c.b); got != c.want {
			t.Errorf("%+v and %+v: %v", c.a, c.b, got)
		}
	}
}
