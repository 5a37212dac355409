package remote

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"

	"github.com/gocompose/gocompose/containerd/images"
	"github.com/gocompose/gocompose/containerd/registry"
	"github.com/gocompose/gocompose/internal/livetest"
)

func layer(kind, text string, notes ...string) images.Layer {
	l := images.Layer{MediaType: kind, Content: []byte(text), Annotations: map[string]string{}}
	for i := 0; i < len(notes); i += 2 {
		l.Annotations[notes[i]] = notes[i+1]
	}
	return l
}

func artifactOf(layers ...images.Layer) images.Artifact {
	return images.Artifact{Type: ApplicationType, EmptyConfig: EmptyType, Layers: layers}
}

func publish(t *testing.T, ref string, version images.OCIVersion, layers ...images.Layer) string {
	t.Helper()
	desc, err := images.PushArtifact(t.Context(), ref, artifactOf(layers...), version, registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return desc.Digest.String()
}

func TestAnArtifactsFilesAreFetched(t *testing.T) {
	host := livetest.StartRegistry(t).Host
	for _, version := range []images.OCIVersion{images.OCI10, images.OCI11} {
		ref := host + "/shop/" + string(version) + ":1"
		digest := publish(t, ref, version,
			layer(FileType, "one: 1", FileNote, "compose.yaml"),
			layer(FileType, "base", FileNote, "0123.yaml", ExtendsNote, "true"),
			layer(FileType, "two: 2\n", FileNote, "over.yaml"),
			layer(EnvType, "A=1", EnvNote, "4567.env"),
			layer(EnvType, "A=1", EnvNote, "4567.env"), // twice, as two services have it
			layer("application/vnd.example.later", "x"),
			layer(FileType, "three: 3\n", FileNote, "image-digests.yaml"))
		cache := t.TempDir()
		c, err := (&Files{Dir: cache}).Fetch(t.Context(), "oci://"+ref)
		if err != nil || c.Pinned != "oci://"+ref+"@"+digest || c.Source != "oci://"+strings.TrimSuffix(ref, ":1") {
			t.Fatalf("%+v, %v", c, err)
		}
		if got := read(t, c.File); got != "one: 1\n---\ntwo: 2\n\n---\nthree: 3\n" {
			t.Errorf("%q", got)
		}
		for _, root := range []string{c.Root, c.Mounts} {
			if read(t, filepath.Join(root, "0123.yaml")) != "base" || read(t, filepath.Join(root, "4567.env")) != "A=1" {
				t.Error("other files are not there")
			}
		}
		// A tag is asked again, a digest is not.
		second := publish(t, ref, version, layer(FileType, "later: 1", FileNote, "compose.yaml"))
		again, err := (&Files{Dir: cache}).Fetch(t.Context(), "oci://"+ref)
		if err != nil || !strings.HasSuffix(again.Pinned, second) || read(t, again.File) != "later: 1" {
			t.Errorf("%+v, %v", again, err)
		}
		pinned := strings.Replace(c.Pinned, host, "127.0.0.1:1", 1)
		if here, err := (&Files{Dir: cache}).Fetch(t.Context(), pinned); err != nil || here.File != c.File {
			t.Errorf("%+v, %v", here, err)
		}
	}
}

func TestWhatIsNoApplicationIsRefused(t *testing.T) {
	reg := livetest.StartRegistry(t)
	if err := reg.Push("image:1", empty.Image); err != nil {
		t.Fatal(err)
	}
	if err := reg.PushFor("images:1", empty.Image, "linux/amd64", "linux/arm64"); err != nil {
		t.Fatal(err)
	}
	other := artifactOf()
	other.Type = "application/vnd.example.chart"
	if _, err := images.PushArtifact(t.Context(), reg.Host+"/chart:1", other, images.OCI11, registry.Config{}); err != nil {
		t.Fatal(err)
	}
	publish(t, reg.Host+"/empty:1", images.OCI11, layer(EnvType, "A=1", EnvNote, "a.env"))
	for name, want := range map[string]string{
		"image:1": "is an image", "images:1": "is an image", "chart:1": "is an artifact of type application/vnd.example.chart",
		"empty:1": "has no Compose file", "none:1": "none",
	} {
		cache := t.TempDir()
		if _, err := (&Files{Dir: cache}).Fetch(t.Context(), "oci://"+reg.Host+"/"+name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := filepath.Glob(filepath.Join(cache, "oci", "*")); err != nil || len(left) > 0 {
			t.Errorf("%s: %v, %v", name, left, err)
		}
	}
}

func TestNoFileOfAnArtifactLeadsOut(t *testing.T) {
	for _, name := range []string{"../x.yaml", "/etc/x.yaml", "a/b.yaml", `..\x.yaml`, "..", ".", "", "x\x00y", "compose.yaml"} {
		for _, l := range []images.Layer{
			layer(EnvType, "x", EnvNote, name), layer(FileType, "x", FileNote, name, ExtendsNote, "true"),
		} {
			root := t.TempDir()
			dir := filepath.Join(root, "in")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := unpack(artifactOf(layer(FileType, "a: 1"), l), dir); err == nil {
				t.Errorf("%q was unpacked", name)
			}
			if names := namesIn(t, root); len(names) != 1 {
				t.Errorf("%q: %q", name, names)
			}
		}
	}
	two := artifactOf(layer(FileType, "a: 1"), layer(EnvType, "x", EnvNote, "a.env"), layer(EnvType, "y", EnvNote, "a.env"))
	if err := unpack(two, t.TempDir()); err == nil {
		t.Error("two files of one name")
	}
}
