package buildkit

import (
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
