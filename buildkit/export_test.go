package buildkit

import (
	"errors"
	"testing"

	"github.com/gocompose/gocompose/project"
)

func TestWhatMayBePushedIsPacked(t *testing.T) {
	for want, b := range map[string][]project.Build{
		"uncompressed": {{}, {Target: "web"}},
		"gzip":         {{Named: true}, {Tags: []string{"reg.example/web:1"}}},
	} {
		for _, b := range b {
			e := Request{Names: []string{"docker.io/library/web:latest", "reg.example/web:1"}, Build: b}.export()
			if e.Attrs["compression"] != want || e.Attrs["name"] != "docker.io/library/web:latest,reg.example/web:1" || e.Attrs["unpack"] != "true" {
				t.Errorf("%+v: %v", b, e.Attrs)
			}
		}
	}
}

func TestLayersArePackedAheadAsTheImageWillBe(t *testing.T) {
	names := []string{"docker.io/library/web:latest"}
	for _, c := range []struct {
		request Request
		want    string
	}{
		{Request{Names: names}, "uncompressed"},
		{Request{Names: names, Build: project.Build{Named: true}}, "gzip"},
		{Request{}, ""}, // only looked at
		{Request{Names: names, Build: project.Build{SBOM: "true"}}, ""},
	} {
		s := &solve{attrs: map[string]string{}}
		if err := errors.Join(s.attestations(c.request), s.ahead(c.request)); err != nil {
			t.Fatal(err)
		}
		if got := s.attrs["ahead:compression"]; got != c.want {
			t.Errorf("%+v: packed ahead as %q, want %q", c.request, got, c.want)
		}
	}
}
