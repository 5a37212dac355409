//go:build live

package buildkit_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/project"
)

// A context can be a folder of a commit of a repository, and a further one too.
func (b builder) git(t *testing.T) {
	dir := write(t, map[string]string{"sub/Dockerfile": "FROM base\nCOPY a /a\nRUN grep old /a\n", "sub/a": "old", "sub/with/x": "FROM base\nCOPY --from=more sub/a /b\nRUN grep new /b\n"})
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "-b", "main")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	git("tag", "v1")
	must(t, os.WriteFile(filepath.Join(dir, "sub/a"), []byte("new"), 0o644))
	git("commit", "-q", "-a", "-m", "two")
	path, err := exec.Command("git", "--exec-path").Output()
	must(t, err)
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"), Root: "/",
		Env:    []string{"GIT_PROJECT_ROOT=" + filepath.Dir(dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
		Logger: log.New(io.Discard, "", 0),
	})
	defer server.Close()
	url := server.URL + "/" + filepath.Base(dir) + "/.git"
	b.ok(t, b.of("tagged", project.Build{Context: url + "#v1:sub"}))
	b.ok(t, b.of("main", project.Build{Context: url + "#main:sub", Dockerfile: "with/x", Contexts: map[string]string{"more": url + "#main"}}))
	has(t, b.fails(t, b.of("none", project.Build{Context: url + "#v2:sub"})), "building the image of service none: ", "v2")
}

// What a registry asks for is what the caller knows, and is in nothing that is told.
func (b builder) registry(t *testing.T) {
	server := livetest.StartGuarded(t, "me", "hush-hush")
	image, err := livetest.Busybox(v1.Config{})
	must(t, err)
	must(t, server.Push("private:1", image))
	r := b.of("private", project.Build{Context: t.TempDir(), Inline: "FROM " + server.Host + "/private:1\nRUN true\n"})
	message := b.fails(t, r)
	has(t, message, "dockerfile_inline:1: ", "401 Unauthorized")
	r.Credentials = func(context.Context, string) (string, string, error) { return "me", "hush-hush wrong", nil }
	if message = b.fails(t, r); strings.Contains(message, "hush-hush") {
		t.Error(message)
	}
	r.Credentials = func(_ context.Context, asked string) (string, string, error) {
		if asked != server.Host {
			return "", "", errors.New("asked for " + asked)
		}
		return "me", "hush-hush", nil
	}
	b.ok(t, r)
}

// An image layout on this host is a context.
func (b builder) layout(t *testing.T) {
	image, err := livetest.Busybox(v1.Config{Env: []string{"PATH=/bin", "FROM_LAYOUT=1"}})
	must(t, err)
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	must(t, err)
	must(t, path.AppendImage(image, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "v1"})))
	digest, err := image.Digest()
	must(t, err)
	for _, from := range []string{":v1", "", "@" + digest.String()} {
		b.ok(t, b.of("laid", project.Build{
			Context: t.TempDir(), Inline: "FROM out\nRUN test $FROM_LAYOUT = 1\n", Contexts: map[string]string{"out": "oci-layout://" + dir + from},
		}))
	}
}

// A key of this host signs for a step, which never has it.
func (b builder) keys(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	file := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	r := b.of("signed", b.inline(t, "RUN --mount=type=ssh test -S $SSH_AUTH_SOCK", "RUN --mount=type=ssh,id=other,required=true true"))
	r.Build.SSH = []project.BuildSSH{{ID: "default", Paths: []string{file}}}
	has(t, b.fails(t, r), "dockerfile_inline:3: ", "other")
	r.Build.SSH = append(r.Build.SSH, project.BuildSSH{ID: "other", Paths: []string{file}})
	b.ok(t, r)
}

// Programs of another platform cannot be run without an emulator, which is said.
func (b builder) foreign(t *testing.T) {
	image, err := livetest.Busybox(v1.Config{})
	must(t, err)
	config, err := image.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.Architecture = "s390x"
	image, err = mutate.ConfigFile(image, config)
	must(t, err)
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	must(t, err)
	must(t, path.AppendImage(image))
	build := project.Build{
		Context: write(t, map[string]string{"program": "\x7fELF no program of ours"}), Platforms: []string{"linux/s390x"}, Contexts: map[string]string{"out": "oci-layout://" + dir},
		Inline: "FROM out\nCOPY --chmod=755 program /\nRUN [\"/program\"]\n",
	}
	_, err = b.Build(context.Background(), b.of("foreign", build))
	var failure *buildkit.Failure
	if !errors.As(err, &failure) || failure.Line != 3 {
		t.Fatal(err)
	}
	has(t, err.Error(), "emulator")
}
