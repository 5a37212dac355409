package buildkit

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session/auth"
	"github.com/tonistiigi/fsutil"

	"github.com/gocompose/gocompose/project"
)

// folder makes a context with a Dockerfile.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Each attribute of build is one of the frontend's, or of the solve's.
func TestEachAttributeIsToldToBuildkit(t *testing.T) {
	dir, other := folder(t), folder(t)
	layout := layoutOf(t, "v1")
	t.Setenv("SOURCE_DATE_EPOCH", "")
	t.Setenv("ACTIONS_RUNTIME_TOKEN", "token")
	t.Setenv("ACTIONS_RESULTS_URL", "http://results")
	for name, c := range map[string]struct {
		build        func(*project.Build)
		request      func(*Request)
		attrs        map[string]string // beside those that every build has
		without      []string          // of those that every build has
		folders      []string
		imports      []client.CacheOptionsEntry
		exports      []client.CacheOptionsEntry
		entitlements []string
	}{
		"nothing":   {build: func(*project.Build) {}},
		"args":      {build: func(b *project.Build) { b.Args = map[string]string{"A": "1", "SOURCE_DATE_EPOCH": "0"} }, attrs: map[string]string{"build-arg:A": "1", "build-arg:SOURCE_DATE_EPOCH": "0"}},
		"target":    {build: func(b *project.Build) { b.Target = "dev" }, attrs: map[string]string{"target": "dev"}},
		"no_cache":  {build: func(b *project.Build) { b.NoCache = true }, attrs: map[string]string{"no-cache": ""}},
		"no stages": {build: func(b *project.Build) { b.NoCacheStages = []string{"a", "b"} }, attrs: map[string]string{"no-cache": "a,b"}},
		"pull":      {build: func(b *project.Build) { b.Pull = true }, attrs: map[string]string{"image-resolve-mode": "pull"}},
		"platforms": {build: func(b *project.Build) { b.Platforms = []string{"linux/amd64", "linux/arm64"} }, attrs: map[string]string{"platform": "linux/amd64,linux/arm64"}},
		"network":   {build: func(b *project.Build) { b.Network = "none" }, attrs: map[string]string{"force-network-mode": "none"}},
		"host":      {build: func(b *project.Build) { b.Network = "host" }, attrs: map[string]string{"force-network-mode": "host"}, entitlements: []string{"network.host"}},
		"default":   {build: func(b *project.Build) { b.Network = "default" }},
		"hosts":     {build: func(b *project.Build) { b.Hosts = []string{"db=10.0.0.1", "six=[fd00::1]", "up=host-gateway"} }, attrs: map[string]string{"add-hosts": "db=10.0.0.1,six=fd00::1,up=10.9.9.1"}},
		"shm_size":  {build: func(b *project.Build) { b.ShmSize = 1 << 20 }, attrs: map[string]string{"shm-size": "1048576"}},
		"ulimits": {build: func(b *project.Build) {
			b.Ulimits = []project.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}, {Name: "core"}}
		}, attrs: map[string]string{"ulimit": "nofile=1:2,core=0:0"}},
		"privileged": {build: func(b *project.Build) {
			b.Privileged = true
			b.Entitlements = []string{"security.insecure", "device=a/b"}
		}, entitlements: []string{"security.insecure", "device=a/b"}},
		"labels": {
			build:   func(b *project.Build) { b.Labels = map[string]string{"a": "mine", "b": "2"} },
			request: func(r *Request) { r.Labels = map[string]string{"a": "yours", "c": "3"} },
			attrs:   map[string]string{"label:a": "mine", "label:b": "2", "label:c": "3"},
		},
		"provenance": {build: func(b *project.Build) { b.Provenance, b.SBOM = "mode=max", "true" }, attrs: map[string]string{"attest:provenance": "mode=max", "attest:sbom": ""}},
		"none":       {build: func(b *project.Build) { b.Provenance, b.SBOM = "false", "false" }},
		"inline":     {build: func(b *project.Build) { b.Dockerfile, b.Inline = "", "FROM scratch\n" }},
		"other file": {
			build: func(b *project.Build) { b.Dockerfile = write(t, other, "x.Dockerfile") },
			attrs: map[string]string{"filename": "x.Dockerfile"},
		},
		"git": {
			build: func(b *project.Build) {
				b.Context, b.Dockerfile = "https://example.com/r.git#v1:sub", "docker/Dockerfile"
			},
			attrs:   map[string]string{"context": "https://example.com/r.git#v1:sub", "filename": "docker/Dockerfile"},
			without: []string{"dockerfilekey"}, folders: []string{},
		},
		"git with a file of this host": {
			build:   func(b *project.Build) { b.Context = "git@example.com:r.git" },
			attrs:   map[string]string{"context": "git@example.com:r.git"},
			folders: []string{"dockerfile"},
		},
		"contexts": {
			build: func(b *project.Build) {
				b.Contexts = map[string]string{
					"src": other, "context": other, "base": "docker-image://docker.io/library/alpine:3", "repo": "https://example.com/r.git",
					"svc": "service:db", "lay": "oci-layout://" + layout + ":v1",
				}
			},
			request: func(r *Request) { r.Images = map[string]string{"db": "docker.io/library/db:latest@sha256:00"} },
			attrs: map[string]string{
				"context:src": "local:src", "context:context": "local:_context", "context:base": "docker-image://docker.io/library/alpine:3",
				"context:repo": "https://example.com/r.git", "context:svc": "docker-image://docker.io/library/db:latest@sha256:00",
				"context:lay": "oci-layout://layout0@" + layoutDigest,
			},
			folders: []string{"_context", "context", "dockerfile", "src"},
		},
		"names of contexts": {
			build: func(b *project.Build) {
				b.Contexts = map[string]string{"docker.io/library/alpine:latest": "docker-image://docker.io/library/alpine:3", "node:20": other}
			},
			attrs:   map[string]string{"context:alpine": "docker-image://docker.io/library/alpine:3", "context:node:20": "local:node:20"},
			folders: []string{"context", "dockerfile", "node:20"},
		},
		"caches": {
			build: func(b *project.Build) {
				b.CacheFrom = []string{"registry.example/cache:1", "type=local,src=" + dir, "type=local,src=" + filepath.Join(dir, "none")}
				b.CacheTo = []string{"type=inline", "type=local,dest=/cache,mode=max", "type=gha,scope=x"}
			},
			imports: []client.CacheOptionsEntry{
				{Type: "registry", Attrs: map[string]string{"ref": "registry.example/cache:1"}}, {Type: "local", Attrs: map[string]string{"src": dir}},
			},
			exports: []client.CacheOptionsEntry{
				{Type: "inline", Attrs: map[string]string{}}, {Type: "local", Attrs: map[string]string{"dest": "/cache", "mode": "max"}},
				{Type: "gha", Attrs: map[string]string{"scope": "x", "token": "token", "url_v2": "http://results"}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := Request{Service: "web", Build: project.Build{Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile")}, HostGateway: "10.9.9.1"}
			c.build(&r.Build)
			if c.request != nil {
				c.request(&r)
			}
			s, err := newSolve(r)
			if err != nil {
				t.Fatal(err)
			}
			got := s.options()
			want := map[string]string{"image-resolve-mode": "local", "filename": "Dockerfile", "dockerfilekey": "dockerfile"}
			maps.Copy(want, c.attrs)
			for _, name := range c.without {
				delete(want, name)
			}
			same(t, "attributes", got.FrontendAttrs, want)
			if c.folders == nil {
				c.folders = []string{"context", "dockerfile"}
			}
			same(t, "folders", slices.Sorted(maps.Keys(got.LocalMounts)), nilIfEmpty(c.folders))
			same(t, "cache_from", got.CacheImports, c.imports)
			same(t, "cache_to", got.CacheExports, c.exports)
			same(t, "entitlements", got.AllowedEntitlements, c.entitlements)
			same(t, "is in no history", got.Internal, true)
		})
	}
}

// The time that the user's environment says is that of the image, unless the files say
// another.
func TestTheTimeOfTheImage(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "7")
	r := Request{Build: project.Build{Context: "https://example.com/a.git"}}
	for want, args := range map[string]map[string]string{"7": nil, "8": {"SOURCE_DATE_EPOCH": "8"}} {
		r.Build.Args = args
		s, err := newSolve(r)
		if err != nil || s.attrs["build-arg:SOURCE_DATE_EPOCH"] != want {
			t.Errorf("%v, %v, want %s", s.attrs, err, want)
		}
	}
}

// A repository that is fetched by SSH has the user's agent without being told.
func TestRepositoriesHaveTheAgent(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "agent"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	t.Setenv("SSH_AUTH_SOCK", listener.Addr().String())
	for context, want := range map[string]int{"git@example.com:a.git": 1, "ssh://git@example.com/a.git": 1, "https://example.com/a.git": 0} {
		s, err := newSolve(Request{Build: project.Build{Context: context}})
		if err != nil || len(s.session) != want {
			t.Errorf("%s: %v, %v", context, s.session, err)
		}
	}
}

func nilIfEmpty(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// write makes a Dockerfile of another name.
func write(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("FROM scratch\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const layoutDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// layoutOf makes an image layout with so many images.
func layoutOf(t *testing.T, tags ...string) string {
	t.Helper()
	dir := t.TempDir()
	var entries []string
	for _, tag := range tags {
		entries = append(entries, fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":%q,"size":0,"annotations":{"org.opencontainers.image.ref.name":%q}}`, layoutDigest, tag))
	}
	for name, text := range map[string]string{
		"oci-layout": `{"imageLayoutVersion":"1.0.0"}`,
		"index.json": `{"schemaVersion":2,"manifests":[` + strings.Join(entries, ",") + `]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What cannot be is told before buildkitd is asked, with the attribute that says it.
func TestWhatCannotBeBuiltIsRefused(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	dir := folder(t)
	file := filepath.Join(dir, "Dockerfile")
	several := layoutOf(t, "a", "b")
	for want, change := range map[string]func(*Request){
		"build.context: /nowhere does not exist":                                                          func(r *Request) { r.Build.Context = "/nowhere" },
		"build.context: " + file + " is not a folder":                                                     func(r *Request) { r.Build.Context = file },
		"build.dockerfile: /nowhere does not exist":                                                       func(r *Request) { r.Build.Dockerfile = "/nowhere" },
		`build.context is "-", and there is no standard input to read it from`:                            func(r *Request) { r.Build.Context = "-" },
		"reading the context from standard input: it is empty, and must be an archive or a Dockerfile":    func(r *Request) { r.Build.Context, r.Stdin = "-", strings.NewReader("") },
		`build.network: "web_default" cannot be joined by a build: use default, host or none`:             func(r *Request) { r.Build.Network = "web_default" },
		"build.extra_hosts: up: this host has no address":                                                 func(r *Request) { r.Build.Hosts = []string{"up=host-gateway"} },
		`build.extra_hosts: x: "y" is not an address`:                                                     func(r *Request) { r.Build.Hosts = []string{"x=y"} },
		`build.entitlements: "root" is none`:                                                              func(r *Request) { r.Build.Entitlements = []string{"root"} },
		`build.cache_from: "src=/x" has no type`:                                                          func(r *Request) { r.Build.CacheFrom = []string{"src=/x"} },
		`build.cache_to: "type=local,x": "x" is not NAME=value`:                                           func(r *Request) { r.Build.CacheTo = []string{"type=local,x"} },
		"build.additional_contexts.a: the image of service db was not built":                              func(r *Request) { r.Build.Contexts = map[string]string{"a": "service:db"} },
		"build.additional_contexts.a: /nowhere does not exist":                                            func(r *Request) { r.Build.Contexts = map[string]string{"a": "/nowhere"} },
		"build.additional_contexts.a: image layout " + several + " has no image with the tag c":           func(r *Request) { r.Build.Contexts = map[string]string{"a": "oci-layout://" + several + ":c"} },
		"build.additional_contexts.a: image layout " + several + " has several images: say which, as oci": func(r *Request) { r.Build.Contexts = map[string]string{"a": "oci-layout://" + several} },
		"build.additional_contexts.A: a name must be in small letters":                                    func(r *Request) { r.Build.Contexts = map[string]string{"A": dir} },
		"build.secrets: the content of key is not there":                                                  func(r *Request) { r.Build.Secrets = []project.BuildSecret{{ID: "key", Digest: "x"}} },
		"build.ssh: default: there is no agent, as SSH_AUTH_SOCK is not set":                              func(r *Request) { r.Build.SSH = []project.BuildSSH{{ID: "default"}} },
		"build.ssh: " + file + " is no private key: no key found":                                         func(r *Request) { r.Build.SSH = []project.BuildSSH{{ID: "default", Paths: []string{file}}} },
		"build.ssh: default: /nowhere does not exist":                                                     func(r *Request) { r.Build.SSH = []project.BuildSSH{{ID: "default", Paths: []string{"/nowhere"}}} },
	} {
		r := Request{Service: "web", Build: project.Build{Context: dir, Dockerfile: file}}
		change(&r)
		_, err := newSolve(r)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s…", err, want)
		}
	}
}

// A key with a passphrase is told with what to do, as BuildKit calls it.
func TestAKeyWithAPassphraseIsForAnAgent(t *testing.T) {
	err := unusable(errors.New(`failed to convert agent config {default [/k] false}: failed to convert agent config for ID: "default": failed to parse /k: ssh: this private key is passphrase protected`))
	same(t, "error", err.Error(), "build.ssh: /k has a passphrase, which nobody is asked for: give it to an agent (`ssh-add /k`), and name no file")
	if err := unusable(errors.New("odd")); err.Error() != "build.ssh: odd" {
		t.Error(err)
	}
}

// Nobody types an archive: a terminal is no context. A device that is empty is called that.
func TestATerminalIsNoContext(t *testing.T) {
	for name, want := range map[string]string{"/dev/ptmx": "is a terminal", os.DevNull: "it is empty"} {
		device, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = device.Close() }()
		if _, err := newSolve(Request{Build: project.Build{Context: "-"}, Stdin: device}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// Standard input is an archive or a Dockerfile, as its first bytes say.
func TestStandardInput(t *testing.T) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in      string
		archive bool
	}{
		"tar": {archive.String(), true}, "gzip": {"\x1f\x8b\x08\x00", true}, "zstd": {"\x28\xb5\x2f\xfdxx", true}, "xz": {"\xfd7zXZ\x00", true}, "bzip2": {"BZh9", true},
		"Dockerfile": {"FROM scratch\n", false},
	} {
		s, err := newSolve(Request{Build: project.Build{Context: "-"}, Stdin: strings.NewReader(c.in)})
		if err != nil {
			t.Fatal(err)
		}
		if uploaded := strings.HasPrefix(s.attrs["context"], "http://buildkit-session/"); uploaded != c.archive {
			t.Errorf("%s: %v", name, s.attrs)
		}
		if c.archive {
			continue
		}
		in, err := s.folders["dockerfile"].Open("Dockerfile")
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(in); err != nil || string(text) != c.in {
			t.Errorf("%q, %v", text, err)
		}
		if n := files(t, s.folders["context"]); n != 0 {
			t.Errorf("the context has %d files", n)
		}
	}
}

func files(t *testing.T, folder fsutil.FS) (n int) {
	t.Helper()
	err := folder.Walk(context.Background(), "", func(string, os.DirEntry, error) error { n++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Registries get what the caller knows, and no password is in what fails.
func TestCredentials(t *testing.T) {
	s, err := newSolve(Request{Build: project.Build{Context: "https://example.com/a.git"}, Credentials: func(_ context.Context, host string) (string, string, error) {
		if host == "bad.example" {
			return "", "", errors.New("the helper is missing")
		}
		return "user", "secret of " + host, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := s.session[0].(*credentials)
	got, err := c.Credentials(context.Background(), &auth.CredentialsRequest{Host: "r.example"})
	if err != nil || got.Username != "user" || got.Secret != "secret of r.example" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := c.Credentials(context.Background(), &auth.CredentialsRequest{Host: "bad.example"}); err == nil {
		t.Error("a helper that fails is passed over")
	}
}
