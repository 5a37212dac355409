package planner_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/planner"
)

// identifier is containerd's rule (pkg/identifiers).
var identifier = regexp.MustCompile(`^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$`)

func TestContainerIDs(t *testing.T) {
	long := strings.Repeat("long-", 20)
	for _, c := range []struct {
		project, service string
		n                int
		nonce, want      string
	}{
		{"shop", "web", 1, "k3j9", "shop-web-1.k3j9"},
		{"shop", "my.web_app", 12, "K3", "shop-my.web_app-12.K3"},
		{"my__shop", "web-", 1, "k3", "my_shop-web-1-x16e5e1b3c76a95ba.k3"},
		{"shop_", "web", 1, "k3", "shop_web-1-x.k3"},
		{"shop", long, 1, "k3", ""},
		{"shop", "web", 1, "not alphanumeric", ""},
	} {
		got := planner.ContainerID(c.project, c.service, c.n, c.nonce)
		if !identifier.MatchString(got) || len(got) > 76 {
			t.Errorf("%q is no identifier", got)
		}
		pattern := regexp.MustCompile(`-x[0-9a-f]{16}`)
		if c.want != "" && pattern.ReplaceAllString(got, "-x") != pattern.ReplaceAllString(c.want, "-x") {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// Whatever the names, identifiers keep to the rules and are apart: within a run
// by service and replica, between runs by the nonce.
func TestContainerIDsAreValidAndApart(t *testing.T) {
	type key struct {
		project, service string
		n                int
		nonce            string
	}
	names := rapid.OneOf(
		rapid.StringMatching(`[a-z0-9][a-z0-9_-]{0,80}`),
		rapid.StringMatching(`[a-zA-Z0-9._-]{1,80}`),
		rapid.StringMatching(`[ab1.-]{1,4}`),
		rapid.String(),
	)
	nonces := rapid.StringMatching(`[a-zA-Z0-9]{1,16}`)
	rapid.Check(t, func(t *rapid.T) {
		run := key{project: names.Draw(t, "project"), nonce: nonces.Draw(t, "nonce")}
		seen := map[string]key{}
		for range 20 {
			k := run
			k.service, k.n = names.Draw(t, "service"), rapid.IntRange(1, 120).Draw(t, "n")
			if rapid.Bool().Draw(t, "another run") {
				k.nonce = nonces.Draw(t, "nonce")
			}
			id := planner.ContainerID(k.project, k.service, k.n, k.nonce)
			if !identifier.MatchString(id) || len(id) > 76 {
				t.Fatalf("%+v: %q is no identifier", k, id)
			}
			if other, taken := seen[id]; taken && other != k {
				t.Fatalf("%+v and %+v are both %q", k, other, id)
			}
			seen[id] = k
		}
	})
}
