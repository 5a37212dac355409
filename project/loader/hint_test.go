package loader

import "testing"

func TestAMisspeltAttributeIsKnownByTheOneThatIsNear(t *testing.T) {
	for _, c := range []struct {
		place     []string
		key, want string
	}{
		{nil, "service", "services"},
		{[]string{"services", "web"}, "comand", "command"},
		{[]string{"services", "web"}, "netwroks", "networks"},
		{[]string{"services", "web", "networks", "front"}, "alias", "aliases"},
		{[]string{"services", "web", "networks", "aliases"}, "ip_address", "ipv4_address"}, // a network of that name
		{[]string{"services", "web", "ports", "[0]"}, "publish", "published"},
		{[]string{"networks", "front"}, "drivers", "driver"},
		{[]string{"networks", "front", "ipam"}, "configs", "config"},
		{[]string{"networks", "front", "ipam", "config", "[1]"}, "subnets", "subnet"},
		{[]string{"networks", "front"}, "colour", ""},
		{[]string{"services", "web"}, "x", ""}, // as near to tty as to user
	} {
		if got := meant(c.place, c.key); got != c.want {
			t.Errorf("%q at %v: %q, want %q", c.key, c.place, got, c.want)
		}
	}
}
