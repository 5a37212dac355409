//go:build live

package buildkit_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/project"
)

// builder is a buildkitd with the image base, which has busybox and is in no registry.
type builder struct {
	*buildkit.Client
	store   *client.Client
	process *os.Process
	base    string // the context that it was built from
}

func startBuilder(t *testing.T) builder {
	c, e, process := startBuildkitd(t)
	store, err := client.New(e.Address, client.WithDefaultNamespace("gocompose"))
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	bin, err := os.ReadFile("/bin/busybox")
	must(t, err)
	b := builder{c, store, process, write(t, map[string]string{
		"busybox":    string(bin),
		"Dockerfile": "FROM scratch\nCOPY --chmod=755 busybox /bin/\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nENV PATH=/bin\n",
	})}
	b.ok(t, b.of("base", project.Build{Context: b.base, Dockerfile: filepath.Join(b.base, "Dockerfile")}))
	return b
}

// of is a request for the image of a service.
func (b builder) of(service string, build project.Build) buildkit.Request {
	return buildkit.Request{Service: service, Names: []string{"docker.io/library/" + service + ":latest"}, Build: build}
}

// inline is a build without files of its own, on top of the base.
func (b builder) inline(t *testing.T, lines ...string) project.Build {
	return project.Build{Context: t.TempDir(), Inline: "FROM base\n" + strings.Join(lines, "\n") + "\n"}
}

func (b builder) ok(t *testing.T, r buildkit.Request) string {
	t.Helper()
	// What else is done meanwhile is done with containerd, in a namespace.
	result, err := b.Build(namespaces.WithNamespace(context.Background(), "gocompose"), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range r.Names {
		if got := b.digest(t, name); got != result.Digest {
			t.Errorf("%s is %s, and %s was built", name, got, result.Digest)
		}
	}
	return result.Digest
}

// fails returns the error of a build that must fail.
func (b builder) fails(t *testing.T, r buildkit.Request) string {
	t.Helper()
	result, err := b.Build(context.Background(), r)
	if err == nil {
		t.Fatalf("it was built: %v", result)
	}
	return err.Error()
}

func (b builder) digest(t *testing.T, name string) string {
	t.Helper()
	image, err := b.store.ImageService().Get(namespaces.WithNamespace(context.Background(), "gocompose"), name)
	must(t, err)
	return image.Target.Digest.String()
}

func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

func TestBuild(t *testing.T) {
	b := startBuilder(t)
	for name, test := range map[string]func(*testing.T){
		"unchanged": b.unchanged, "names": b.names, "services": b.services, "sources": b.sources, "container": b.container,
		"secrets": b.secrets, "caches": b.caches, "layout": b.layout, "registry": b.registry, "git": b.git, "keys": b.keys, "foreign": b.foreign,
		"platforms": b.platforms, "failures": b.failures, "check": b.check,
		"debug": b.debug, "debugFiles": b.debugFiles, "cancel": b.cancel,
	} {
		t.Run(name, test)
	}
	t.Run("ended", b.ended) // after which there is none
}

// An image of which nothing has changed has its digest, and another one when it has.
func (b builder) unchanged(t *testing.T) {
	dir := write(t, map[string]string{"Dockerfile": "FROM base\nCOPY a /a\nRUN cat /a >/b\nCMD [\"cat\", \"/b\"]\n", "a": "1"})
	r := b.of("same", project.Build{Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile")})
	first := b.ok(t, r)
	if again := b.ok(t, r); again != first {
		t.Errorf("it was %s and is %s", first, again)
	}
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("2"), 0o644))
	if changed := b.ok(t, r); changed == first {
		t.Error("a changed file changes nothing")
	}
	r.Build.Provenance = "mode=min"
	before := b.digest(t, r.Names[0])
	if b.ok(t, r) == before {
		t.Error("provenance is not there")
	}
}

// All names are the same image.
func (b builder) names(t *testing.T) {
	r := b.of("named", b.inline(t, "LABEL a=1"))
	r.Names = append(r.Names, "docker.io/library/named:v2", "registry.example:5000/x/y:1")
	r.Labels = map[string]string{"made.by": "test"}
	b.ok(t, r)
}

// The image of another service is a context, also when registries are to be asked for all
// others.
func (b builder) services(t *testing.T) {
	images := map[string]string{}
	lower := b.inline(t, "RUN echo lower >/lower")
	images["lower"] = "docker.io/library/lower:latest@" + b.ok(t, b.of("lower", lower))
	middle := project.Build{Context: t.TempDir(), Inline: "FROM below\nRUN cat /lower >/middle\n", Contexts: map[string]string{"below": "service:lower"}}
	r := b.of("middle", middle)
	r.Images = images
	images["middle"] = "docker.io/library/middle:latest@" + b.ok(t, r)
	upper := project.Build{
		Context: t.TempDir(), Inline: "FROM scratch AS files\nCOPY --from=below /middle /m\nFROM below\nCOPY --from=files /m /n\nRUN grep lower /n\n",
		Contexts: map[string]string{"below": "service:middle"}, Pull: true,
	}
	r = b.of("upper", upper)
	r.Images = images
	b.ok(t, r)
}

// A context and a Dockerfile are wherever the files say.
func (b builder) sources(t *testing.T) {
	dir := write(t, map[string]string{
		"app/a": "1", "app/b": "2", "app/.dockerignore": "b\n", "app/docker/x": "FROM base\nCOPY . /app\nRUN test -e /app/a && ! test -e /app/b\n",
		"other/y": "FROM base\nCOPY . /app\nRUN ! test -e /app/a && test -e /app/b\n", "other/y.dockerignore": "a\n", "more/c": "3",
	})
	in := func(name string) string { return filepath.Join(dir, name) }
	b.ok(t, b.of("inside", project.Build{Context: in("app"), Dockerfile: in("app/docker/x")}))
	b.ok(t, b.of("outside", project.Build{Context: in("app"), Dockerfile: in("other/y")}))
	b.ok(t, b.of("folder", project.Build{
		Context: in("app"), Inline: "FROM base\nCOPY --from=more c /c\nRUN --mount=from=more,target=/m cmp /c /m/c\n",
		Contexts: map[string]string{"more": in("more")},
	}))
	b.ok(t, b.of("arguments", project.Build{
		Context: in("app"), Inline: "FROM base AS one\nARG A\nRUN test $A = 1\nFROM base\nRUN false\n", Target: "one", Args: map[string]string{"A": "1"},
	}))
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	text := "FROM base\nCOPY Dockerfile /d\nRUN grep -q base /d\n"
	must(t, w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(text))}))
	_, err := io.WriteString(w, text)
	must(t, err)
	must(t, w.Close())
	r := b.of("archive", project.Build{Context: "-"})
	r.Stdin = bytes.NewReader(archive.Bytes())
	b.ok(t, r)
	r = b.of("text", project.Build{Context: "-"})
	r.Stdin = strings.NewReader("FROM base\nCOPY . /all\nRUN test -z \"$(ls /all)\"\n")
	b.ok(t, r)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive.Bytes()) }))
	defer server.Close()
	b.ok(t, b.of("url", project.Build{Context: server.URL + "/context.tar"}))
}
