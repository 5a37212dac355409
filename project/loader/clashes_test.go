package loader

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestOneNameIsThatOfOneImage(t *testing.T) {
	for name, tt := range map[string]struct {
		files string
		named []string
		want  []string
	}{
		"image": {files: "services:\n  a:\n    image: x:1\n    build: {context: ., target: a}\n  b:\n    image: docker.io/library/x:1\n    build: {context: ., target: b}\n",
			want: []string{"compose.yaml:6:5: services.b.image: service a builds x:1 too, in another way (compose.yaml:3:5: services.a.image): give one of the images another name"}},
		"tags": {files: "services:\n  a:\n    build: {context: ., target: a, tags: [\"y:1\", \"x:1\"]}\n  b:\n    build: {context: ., target: b, tags: [\"x:1\"]}\n",
			want: []string{"compose.yaml:5:43: services.b.build.tags[0]: service a builds x:1 too, in another way (compose.yaml:3:50: services.a.build.tags[1]): give one of the images another name"}},
		"tag and image": {files: "services:\n  a:\n    build: {context: ., target: a, tags: [\"x:1\"]}\n  b:\n    image: x:1\n    build: .\n",
			want: []string{"compose.yaml:5:5: services.b.image: service a builds x:1 too, in another way (compose.yaml:3:43: services.a.build.tags[0]): give one of the images another name"}},
		"tag and nothing": {files: "services:\n  a:\n    build: {context: ., target: a, tags: [shop-b]}\n  b:\n    build: .\n",
			want: []string{"compose.yaml:5:5: services.b.build: service a builds shop-b too, in another way (compose.yaml:3:43: services.a.build.tags[0]): give one of the images another name"}},
		"one image, other tags": {files: "services:\n  a:\n    image: x:1\n    build: {context: ., tags: [\"y:1\"]}\n  b:\n    image: x:1\n    build: {context: ., tags: [\"z:1\"]}\n",
			want: []string{"compose.yaml:6:5: services.b.image: service a builds x:1 too, in another way (compose.yaml:3:5: services.a.image): give one of the images another name"}},
		"platforms": {files: "services:\n  a: {image: \"x:1\", platform: linux/amd64, build: .}\n  b: {image: \"x:1\", platform: linux/arm64, build: .}\n",
			want: []string{"compose.yaml:3:7: services.b.image: service a builds x:1 too, in another way (compose.yaml:2:7: services.a.image): give one of the images another name"}},
		"the same":                 {files: "services:\n  a: {image: \"x:1\", build: .}\n  b: {image: \"x:1\", build: .}\n  c: {image: \"shop-d\", build: .}\n  d: {build: .}\n  e: {image: \"x:1\"}\n"},
		"the same, by a tag":       {files: "services:\n  a: {image: \"x:1\", build: {context: ., tags: [\"z:1\"]}}\n  b: {image: \"y:1\", build: {context: ., tags: [\"z:1\", \"z:2\"]}}\n"},
		"one of them is not on":    {files: "services:\n  a: {image: \"x:1\", build: {context: ., target: a}}\n  b: {image: \"x:1\", build: {context: ., target: b}, profiles: [other]}\n"},
		"one of them is not meant": {files: "services:\n  a: {image: \"x:1\", build: {context: ., target: a}}\n  b: {image: \"x:1\", build: {context: ., target: b}}\n", named: []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(tt.files), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := Load(t.Context(), Options{WorkingDir: dir, ProjectName: "shop", Services: tt.named})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range p.Services {
				if s.Build != nil && !slices.Equal(s.Build.Clashes, tt.want) {
					t.Errorf("%s: %q, want %q", s.Name, s.Build.Clashes, tt.want)
				}
			}
		})
	}
}
