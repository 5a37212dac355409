package cmd

import (
	"testing"

	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/remote"
)

func TestAnApplicationIsPublishedInDockerComposesForm(t *testing.T) {
	files := func(name string) []loader.PublishedFile {
		return []loader.PublishedFile{{Name: name, Content: []byte(name)}}
	}
	shop := loader.Application{Files: files("compose.yaml"), Extended: files("base.yaml"), EnvFiles: files("some.env")}
	got, err := (&app{version: "1.2.3"}).artifact(t.Context(), shop, publishFlags{}, loader.Options{})
	if err != nil || got.Type != remote.ApplicationType || got.Annotations["org.opencontainers.image.created"] == "" || len(got.Layers) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, want := range []struct{ kind, note, value, extends string }{
		{"application/vnd.docker.compose.file+yaml", "com.docker.compose.file", "compose.yaml", ""},
		{"application/vnd.docker.compose.file+yaml", "com.docker.compose.file", "base.yaml", "true"},
		{"application/vnd.docker.compose.envfile", "com.docker.compose.envfile", "some.env", ""},
	} {
		l := got.Layers[i]
		if l.MediaType != want.kind || l.Annotations[want.note] != want.value || l.Annotations["com.docker.compose.extends"] != want.extends ||
			l.Annotations["com.docker.compose.version"] != "1.2.3" || string(l.Content) != want.value {
			t.Errorf("%+v, want %+v", l, want)
		}
	}
}
