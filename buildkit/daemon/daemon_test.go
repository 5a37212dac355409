package daemon

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/internal/flock"
	"github.com/gocompose/gocompose/internal/paths"
)

var update = flag.Bool("update", false, "write the golden files")

func TestConfiguration(t *testing.T) {
	yes := true
	c := Config{
		Containerd: "/run/gocompose/containerd/containerd.sock", ContainerdPid: 4711, ContainerdID: "0b1c", Namespace: "gocompose", Snapshotter: "overlayfs",
		Runc:          "/opt/gocompose/runc",
		DeviceFolders: []string{"/etc/cdi", "/var/run/cdi"},
		Env:           []string{"PATH=/bin", "HTTPS_PROXY=http://proxy.example:3128"},
		Registries: map[string]Registry{
			"docker.io":           {Mirrors: []string{"mirror.example:5000", "second.example"}},
			"mirror.example:5000": {HTTP: &yes, Insecure: true, CAs: []string{"/etc/ca.pem"}, KeyPairs: []KeyPair{{"/etc/key.pem", "/etc/cert.pem"}}},
			"second.example":      {},
		},
	}
	b := Builder{Paths: paths.Paths{Root: paths.DefaultRoot, State: paths.DefaultState}}
	got, err := c.render(b)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/buildkitd.toml"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(got) != string(want) {
		t.Errorf("%v, got\n%s", err, got)
	}
	for range 20 { // it tells whether anything has changed
		if again, err := c.render(b); err != nil || string(again) != string(got) {
			t.Fatalf("%v, rendered again it is\n%s", err, again)
		}
	}
	c.Env[0] = "PATH=/usr/bin"
	if again, _ := c.render(b); string(again) != string(got) {
		t.Error("another PATH is another configuration")
	}
	c.Env[1] = "HTTPS_PROXY=http://other.example:3128"
	if again, _ := c.render(b); string(again) == string(got) {
		t.Error("another proxy is the same configuration")
	}
	c.Env[1] = "HTTPS_PROXY=http://proxy.example:3128"
	c.Runc = "/opt/other/runc"
	if again, _ := c.render(b); string(again) == string(got) {
		t.Error("another runc is the same configuration")
	}
	if strings.Contains(string(got), "proxy.example") {
		t.Error("the proxy's address, which may have a password, is in it")
	}
}

func TestEnvironmentIsNotTheStarters(t *testing.T) {
	p := paths.Paths{Root: "/r", State: "/s"}
	got := Environ(p, []string{
		"PATH=/usr/bin", "HOME=/root", "NOTIFY_SOCKET=/run/systemd/notify", "AWS_SECRET_ACCESS_KEY=secret", "OTEL_SERVICE_NAME=x",
		"GOCOMPOSE_ROOT=/other", "no_proxy=example.com", "TZ=UTC", "TMPDIR=/tmp", "BUILDKIT_HOST=tcp://x", "SSL_CERT_FILE=",
	})
	slices.Sort(got)
	want := []string{"GOCOMPOSE_ROOT=/r", "GOCOMPOSE_STATE=/s", "PATH=/usr/bin", "TMPDIR=/s/buildkit/tmp", "TZ=UTC", "no_proxy=example.com"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Environ(p, nil); !slices.ContainsFunc(got, func(v string) bool { return strings.HasPrefix(v, "PATH=/") }) {
		t.Errorf("without a PATH of the starter's: %q", got)
	}
}

func TestIdleTime(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 5 * time.Minute, "90s": 90 * time.Second, "5": 0, "0s": 0, "-1s": 0, "soon": 0} {
		got, err := IdleTime(func(string) string { return text })
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), IdleVariable+"="+text) {
			t.Errorf("%q: %v does not name the variable", text, err)
		}
	}
}

// pretended returns a builder whose programs are scripts, and how often it was
// disconnected.
func pretended(t *testing.T, script string) (b Builder, disconnected func() int) {
	t.Helper()
	dir := t.TempDir()
	for _, program := range []string{name, pluginName} {
		if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	disconnects := 0
	disconnect := func(context.Context) error {
		disconnects++
		return nil
	}
	return Builder{Paths: paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}, Bin: dir, Disconnect: disconnect},
		func() int { return disconnects }
}

func TestOneThatEndsAtItsStartIsToldWithItsWords(t *testing.T) {
	b, _ := pretended(t, "echo no such worker >&2; exit 3")
	_, err := b.Ensure(t.Context(), Config{})
	for _, words := range []string{"starting buildkitd", "exit status 3", "no such worker", b.logFile()} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v does not say %q", err, words)
		}
	}
}

func TestRuncIsRunWithAFolderOfItsOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's here")
	p := paths.Paths{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state")}
	c := Config{Runc: filepath.Join(dir, "runc")}
	if err := os.MkdirAll(c.root(p), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(c.Runc, []byte("#!/bin/sh\nprintf '<%s>' \"$@\"\n"), 0o700), c.prepareRunc(p)); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(c.runcScript(p), "run", "--bundle", "a b").Output()
	if want := "<--root><" + runcFolder(p) + "><run><--bundle><a b>"; err != nil || string(said) != want {
		t.Errorf("%v, it is called with %s, want %s", err, said, want)
	}
}

func TestMissingProgramsAreNamed(t *testing.T) {
	for _, missing := range []string{name, pluginName} {
		b, _ := pretended(t, "")
		if err := os.Remove(filepath.Join(b.Bin, missing)); err != nil {
			t.Fatal(err)
		}
		_, err := b.Ensure(t.Context(), Config{})
		if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), "make build") {
			t.Errorf("%v does not say that %s is missing", err, missing)
		}
	}
}

func TestWhatOneThatDiedHasLeftIsTakenAway(t *testing.T) {
	b, disconnected := pretended(t, "")
	if err := errors.Join(b.Stop(t.Context()), b.Tend(t.Context(), time.Hour)); err != nil || disconnected() > 0 {
		t.Errorf("where none ever was: disconnected %d times, %v", disconnected(), err)
	}
	if err := b.prepare(t.Context(), Config{}, located{"/b", "/p"}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(b.Paths.BuilderState()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its folder: %v, %v", info, err)
	}
	using, err := flock.Share(t.Context(), b.usersLock())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{b.stepsFolder(), runcFolder(b.Paths)} {
		if err := os.MkdirAll(filepath.Join(dir, "a-step"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	before := disconnected()
	if err := b.Tend(t.Context(), time.Nanosecond); err != nil || disconnected() != before {
		t.Errorf("while somebody uses it: disconnected %d times, %v", disconnected()-before, err)
	}
	if err := using.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := b.Tend(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if disconnected() != before+1 {
		t.Errorf("disconnected %d times", disconnected()-before)
	}
	left, err := filepath.Glob(filepath.Join(b.Paths.BuilderState(), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestWhatIsKeptOfBuildsIsOfOneContainerd(t *testing.T) {
	b, _ := pretended(t, "")
	ours, theirs := Config{Containerd: "/ours", ContainerdID: "1"}, Config{Containerd: "/theirs", ContainerdID: "2", Foreign: true}
	for _, c := range []Config{ours, theirs} {
		if err := b.prepareRoot(c); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.root(b.Paths), "cache"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := ours
	again.ContainerdID = "3"
	for _, c := range []struct {
		Config
		kept bool
	}{{ours, true}, {theirs, true}, {again, false}} {
		if err := b.prepareRoot(c.Config); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(c.root(b.Paths), "cache")); (err == nil) != c.kept {
			t.Errorf("of %s at %s: %v", c.ContainerdID, c.Containerd, err)
		}
	}
}

func TestABuilderOnAnotherContainerdIsNotTakenForOnesOwn(t *testing.T) {
	b, _ := pretended(t, "")
	text, err := Config{Containerd: "/theirs"}.render(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.prepare(t.Context(), Config{Containerd: "/theirs"}, located{"/b", "/p"}, text); err != nil {
		t.Fatal(err)
	}
	using, err := flock.Share(t.Context(), b.usersLock())
	if err != nil {
		t.Fatal(err)
	}
	defer using.Unlock()
	_, err = b.Ensure(t.Context(), Config{Containerd: "/ours"})
	if err == nil || !strings.Contains(err.Error(), "another command builds on containerd at /theirs") {
		t.Errorf("it says %v", err)
	}
}
