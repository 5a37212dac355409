package project_test

import (
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestPoliciesAreToldApartByWhatTheyAskFor(t *testing.T) {
	seen := map[string]project.Verify{}
	for _, v := range []project.Verify{
		{}, {Key: "a", Content: "1"}, {Key: "a", Content: "2"}, {Identity: "1"}, {Issuer: "1"}, {IdentityRegexp: "1"}, {IssuerRegexp: "1"},
		{Identity: "1", Issuer: "1", Content: "1"},
	} {
		if other, ok := seen[v.Digest()]; ok {
			t.Errorf("%+v is taken for %+v", v, other)
		}
		seen[v.Digest()] = v
	}
	if (project.Verify{Key: "a", Content: "1"}).Digest() != (project.Verify{Key: "b", Content: "1"}).Digest() {
		t.Error("a key is another one in another file")
	}
	if (project.Verify{}).Digest() != "" {
		t.Error("no policy has a digest")
	}
	for by, v := range map[string]project.Verify{"": {}, "k": {Key: "k"}, "i": {Identity: "i"}, "r": {IdentityRegexp: "r"}} {
		if v.By() != by {
			t.Errorf("%+v is by %q", v, v.By())
		}
	}
}
