package loader_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project/loader"
)

var lockedFile = `
name: shop
services:
  web:
    image: web:1
    volumes: [{type: image, source: "files:1", target: /f}, {type: image, source: shop-built, target: /b}]
    pre_start:
      - {command: [a]}
      - {image: "migrate:1", command: [b]}
  fixed: {image: "db@sha256:` + ones + `", profiles: [more]}
  built: {build: .}
  also: {image: shop-built}
`

var (
	ones  = strings.Repeat("1", 64)
	twos  = strings.Repeat("2", 64)
	repos = map[string]string{
		"docker.io/library/web:1": "sha256:" + ones, "docker.io/library/files:1": "sha256:" + twos, "docker.io/library/migrate:1": "sha256:" + twos,
	}
)

func resolveIn(digests map[string]string) func(context.Context, string) (string, error) {
	return func(_ context.Context, ref string) (string, error) {
		if d, ok := digests[ref]; ok {
			return d, nil
		}
		return "", errors.New(ref + " is not to be asked for")
	}
}

func TestALockHasWhatIsFetched(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(lockedFile), 0o644); err != nil {
		t.Fatal(err)
	}
	o := loader.Options{WorkingDir: dir}
	m, err := loader.LoadToLock(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := m.Lock(t.Context(), nil, resolveIn(repos))
	if err != nil {
		t.Fatal(err)
	}
	text, err := l.YAML()
	if err != nil {
		t.Fatal(err)
	}
	want := `services:
  fixed:
    image: docker.io/library/db@sha256:` + ones + `
  web:
    image: docker.io/library/web:1@sha256:` + ones + `
x-images:
  docker.io/library/files:1: sha256:` + twos + `
  docker.io/library/migrate:1: sha256:` + twos + `
`
	if _, body, _ := strings.Cut(string(text), "from.\n"); body != want {
		t.Errorf("got\n%s", text)
	}
	path, _, err := loader.LockPath(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if back, err := loader.ReadLock(path); err != nil || len(back.Differences(l)) > 0 {
		t.Errorf("it reads as %v, %v", back, err)
	}
	o.Locked, o.Existing = true, true
	p, err := loader.Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Services {
		for _, image := range s.Template.AllImages() {
			got = append(got, s.Name+" "+image.Ref)
		}
	}
	if want := strings.Join([]string{
		"also docker.io/library/shop-built:latest", "built docker.io/library/shop-built:latest",
		"web docker.io/library/web@sha256:" + ones, "web docker.io/library/shop-built:latest", "web docker.io/library/files@sha256:" + twos,
		"web docker.io/library/web@sha256:" + ones, "web docker.io/library/shop-built:latest", "web docker.io/library/files@sha256:" + twos,
		"web docker.io/library/migrate@sha256:" + twos, "web docker.io/library/shop-built:latest", "web docker.io/library/files@sha256:" + twos,
	}, "\n"); strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestAnEmptyLock(t *testing.T) {
	text, err := (loader.Lock{}).YAML()
	if err != nil || !strings.HasSuffix(string(text), "services: {}\n") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestLocksDiffer(t *testing.T) {
	of := func(services, others map[string]string) loader.Lock {
		l := loader.Lock{Services: map[string]loader.LockedImage{}, Others: others}
		for name, image := range services {
			l.Services[name] = loader.LockedImage{Image: image}
		}
		return l
	}
	was := of(map[string]string{"a": "x@1", "b": "y@1", "gone": "z@1"}, map[string]string{"o": "1"})
	is := of(map[string]string{"a": "x@1", "b": "y@2", "new": "n@1"}, map[string]string{"o": "2"})
	want := []string{
		"image o: 1 is locked, and it is 2 now", "service b: y@1 is locked, and it is y@2 now",
		"service gone: z@1 is locked, and it is not there now", "service new: nothing is locked, and it is n@1 now",
	}
	if got := was.Differences(is); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if got := was.With(of(map[string]string{"b": "y@2"}, nil)).Differences(is); len(got) != 3 {
		t.Errorf("with the new one: %q", got)
	}
}
