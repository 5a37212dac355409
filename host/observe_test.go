package host

import (
	"testing"

	"github.com/gocompose/gocompose/networks/endpoint"
	"github.com/gocompose/gocompose/project"
)

func TestAPortBelongsToWhoeverPublishesItOnTheSameAddress(t *testing.T) {
	published := func(project_, ip string) endpoint.Endpoint {
		p := project.Port{HostIP: ip, Published: 8080, Target: 80, Protocol: "tcp"}
		return endpoint.Endpoint{Name: project_ + "-web-1", Project: project_, Ports: []endpoint.Port{{Port: p, HostPort: 8080}}}
	}
	want := func(ip, protocol string, number uint16) project.Port {
		return project.Port{HostIP: ip, Published: number, Target: 80, Protocol: protocol}
	}
	ours, other := published("shop", ""), published("blog", "")
	for _, c := range []struct {
		name   string
		held   []endpoint.Endpoint
		want   project.Port
		holder string // "" nobody, else the project's
	}{
		{"nobody's", nil, want("", "tcp", 8080), ""},
		{"of our own project", []endpoint.Endpoint{ours}, want("", "tcp", 8080), "shop"},
		{"of another project", []endpoint.Endpoint{other}, want("", "tcp", 8080), "blog"},
		{"one address of all", []endpoint.Endpoint{other}, want("127.0.0.1", "tcp", 8080), "blog"},
		{"all addresses, of which one is held", []endpoint.Endpoint{published("blog", "127.0.0.1")}, want("", "tcp", 8080), "blog"},
		{"all of IPv4 in digits", []endpoint.Endpoint{published("blog", "0.0.0.0")}, want("127.0.0.1", "tcp", 8080), "blog"},
		{"one address of all of IPv4", []endpoint.Endpoint{published("blog", "127.0.0.1")}, want("0.0.0.0", "tcp", 8080), "blog"},
		{"another address", []endpoint.Endpoint{published("blog", "127.0.0.2")}, want("127.0.0.1", "tcp", 8080), ""},
		{"IPv6 beside IPv4", []endpoint.Endpoint{published("blog", "::")}, want("0.0.0.0", "tcp", 8080), ""},
		{"another protocol", []endpoint.Endpoint{other}, want("", "udp", 8080), ""},
		{"another port", []endpoint.Endpoint{other}, want("", "tcp", 8081), ""},
		{
			"ours on one address, another's on the next",
			[]endpoint.Endpoint{published("shop", "127.0.0.1"), published("blog", "127.0.0.2")},
			want("", "tcp", 8080), "blog",
		},
	} {
		e, held := holder(c.held, c.want, "shop")
		if held != (c.holder != "") || e.Project != c.holder {
			t.Errorf("%s: held %v by %q, want %q", c.name, held, e.Project, c.holder)
		}
	}
}
