//go:build live

package buildkit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gocompose/gocompose/buildkit"
	"github.com/gocompose/gocompose/project"
)

// What holds for the containers of RUN.
func (b builder) container(t *testing.T) {
	build := b.inline(t,
		"RUN grep -q '^10.1.2.3.*db$' /etc/hosts",
		"RUN df -k /dev/shm | grep -q ' 2048 '",
		"RUN test $(ulimit -n) = 123",
		"RUN test $(ls /sys/class/net) = lo",
		"RUN ! env | grep -e OTEL -e TRACEPARENT",
	)
	build.Hosts, build.ShmSize, build.Ulimits = []string{"db=10.1.2.3"}, 2<<20, []project.Ulimit{{Name: "nofile", Soft: 123, Hard: 123}}
	build.Network = "none"
	b.ok(t, b.of("limits", build))
	open := b.inline(t, "RUN mkdir /mnt", "RUN --security=insecure mount -t tmpfs none /mnt", "RUN --network=host true")
	has(t, b.fails(t, b.of("closed", open)), ": network.host is not allowed\nallow it: add \"network.host\" to build.entitlements")
	open.Entitlements = []string{"network.host"}
	has(t, b.fails(t, b.of("closed", open)), ": security.insecure is not allowed\nallow it: add \"security.insecure\" to build.entitlements")
	open.Privileged = true
	b.ok(t, b.of("open", open))
}

// A secret is there for the step that asks for it, and nowhere else.
func (b builder) secrets(t *testing.T) {
	const content = "hush-hush-4711"
	r := b.of("secret", b.inline(t, "RUN --mount=type=secret,id=key --mount=type=secret,id=env,env=ENV test $(cat /run/secrets/key) = $ENV", "RUN ! test -e /run/secrets/key; exit 3"))
	r.Build.Secrets = []project.BuildSecret{{ID: "key", Digest: "d1"}, {ID: "env", Digest: "d1"}}
	r.Contents.Add("d1", []byte(content))
	for _, mode := range []string{"plain", "rawjson"} {
		var out bytes.Buffer
		d, err := buildkit.NewDisplay(context.Background(), &out, mode, 1)
		must(t, err)
		r.Progress = d.Of("secret")
		message := b.fails(t, r)
		must(t, d.Close())
		has(t, message, "exit code 3")
		has(t, out.String(), "RUN --mount=type=secret")
		if strings.Contains(out.String()+message, content) {
			t.Errorf("the secret is in\n%s%s", out.String(), message)
		}
	}
}

// A cache in a folder is as good as buildkitd's own.
func (b builder) caches(t *testing.T) {
	dir := t.TempDir()
	r := b.of("cached", b.inline(t, "RUN head -c 20 /dev/urandom >/random"))
	r.Build.CacheTo, r.Build.CacheFrom = []string{"type=local,mode=max,dest=" + dir}, []string{"type=local,src=" + dir}
	first := b.ok(t, r)
	if again := b.ok(t, r); again != first {
		t.Error("the cache changes the image")
	}
	if _, err := os.Stat(filepath.Join(dir, "index.json")); err != nil {
		t.Error(err)
	}
	r.Build.NoCache = true
	if b.ok(t, r) == first {
		t.Error("without the cache it is the same")
	}
}

// Files for other platforms can be put together anywhere; programs of theirs need an
// emulator.
func (b builder) platforms(t *testing.T) {
	r := b.of("several", project.Build{Context: b.base, Inline: "FROM scratch\nCOPY busybox /\n", Platforms: []string{"linux/amd64", "linux/arm64"}})
	one := r
	one.Build.Platforms = one.Build.Platforms[:1]
	if b.ok(t, r) == b.ok(t, one) {
		t.Error("two platforms are the same as one")
	}
}

func (b builder) failures(t *testing.T) {
	dir := write(t, map[string]string{"a": "1", ".dockerignore": "a\n"})
	for text, want := range map[string][]string{
		"FROM base\nRUN echo some output; exit 7\n":                      {"dockerfile_inline:2: RUN echo some output; exit 7: exit code 7\n", ">   2 | RUN", "what it printed last:\n  some output\n", "gocompose build --debug web"},
		"FROM base\nCOPY a /a\n":                                         {"dockerfile_inline:2: COPY a /a: \"/a\": not found", filepath.Join(dir, "a") + " exists, and " + filepath.Join(dir, ".dockerignore") + " leaves it out"},
		"FROM base\nCOPY b /b\n":                                         {"dockerfile_inline:2: COPY b /b: \"/b\": not found", "there is no b in the context " + dir},
		"FROM base\nRUM true\n":                                          {"dockerfile_inline:2: unknown instruction: RUM", ">   2 | RUM true"},
		"FROM base AS a\nCOPY --from=c /a /a\n":                          {"dockerfile_inline:2: "},
		"FROM 127.0.0.1:1/none\n":                                        {"dockerfile_inline:1: ", "127.0.0.1:1/none", "connection refused", "it is not here, so its registry was asked"},
		"FROM base\nADD http://127.0.0.1:1/a /\n":                        {"dockerfile_inline:2: ADD http://127.0.0.1:1/a /: ", "connection refused", ">   2 | ADD"},
		"FROM base\nRUN --mount=type=secret,id=key,required=true true\n": {"dockerfile_inline:2: ", "secret key: not found"},
		"# syntax=127.0.0.1:1/frontend\nFROM scratch\n":                  {"dockerfile_inline:1: image 127.0.0.1:1/frontend:latest: ", "connection refused", "the line with syntax= asks"},
		"FROM base\nRUN [\"/nothing\"]\n":                                {"dockerfile_inline:2: RUN [\"/nothing\"]: ", "/nothing"},
	} {
		message := b.fails(t, b.of("web", project.Build{Context: dir, Inline: text}))
		has(t, message, append(want, "building the image of service web: ")...)
	}
	has(t, b.fails(t, b.of("web", project.Build{Context: dir, Inline: "FROM base\n", Target: "dev"})), "dev")
}

// What is not good is found without anything being built.
func (b builder) check(t *testing.T) {
	build := project.Build{Context: t.TempDir(), Inline: "FROM base as x\nRUN exit 1\n"}
	found, err := b.Check(context.Background(), b.of("checked", build))
	must(t, err)
	if len(found) != 1 || found[0].Line != 1 || found[0].File != "dockerfile_inline" || !strings.HasPrefix(found[0].Text, "FromAsCasing: ") || found[0].URL == "" {
		t.Errorf("%+v", found)
	}
	build.Inline = "FROM base\nRUM x\n"
	_, err = b.Check(context.Background(), b.of("checked", build))
	var failure *buildkit.Failure
	if !errors.As(err, &failure) || failure.Line != 2 {
		t.Errorf("%v", err)
	}
	if _, err := b.store.GetImage(context.Background(), "docker.io/library/checked:latest"); err == nil {
		t.Error("an image was made")
	}
}

// nopCloser is a buffer that a program writes to.
type nopCloser struct{ bytes.Buffer }

func (*nopCloser) Close() error { return nil }

// debugged builds what fails, and returns what a command printed before.
func (b builder) debugged(t *testing.T, r buildkit.Request, command ...string) (string, *buildkit.Failure) {
	t.Helper()
	var out nopCloser
	var told *buildkit.Failure
	_, err := b.Debug(context.Background(), r, func(f *buildkit.Failure) (buildkit.Terminal, error) {
		told = f
		return buildkit.Terminal{Command: command, Stdout: &out, Stderr: &out}, nil
	})
	var failure *buildkit.Failure
	if !errors.As(err, &failure) || told == nil {
		t.Fatalf("%v, and %v was told", err, told)
	}
	if failure.Error() != told.Error() { // however the command ends
		t.Errorf("%v, want\n%v", failure, told)
	}
	return out.String(), told
}

// The container is as it was before the step that failed, with all that it has mounted.
func (b builder) debug(t *testing.T) {
	r := b.of("debugged", b.inline(t, "RUN echo before >/state", "WORKDIR /tmp", "ENV A=b", "RUN --mount=type=secret,id=key echo after >/state; echo failing; exit 9"))
	r.Build.Secrets = []project.BuildSecret{{ID: "key", Digest: "d"}}
	r.Contents.Add("d", []byte("secret"))
	out, told := b.debugged(t, r, "/bin/sh", "-c", "cat /state; pwd; echo $A; cat /run/secrets/key; exit 4")
	if out != "before\n/tmp\nb\nsecret" {
		t.Errorf("%q", out)
	}
	if told.Hint != "" || told.Line != 5 || !slices.Equal(told.Output, []string{"failing"}) {
		t.Errorf("%+v", told)
	}
	b.terminal(t, r)
	// A build that does not fail is a build.
	result, err := b.Debug(context.Background(), b.of("good", b.inline(t, "RUN true")), nil)
	if err != nil || result.Digest != b.digest(t, "docker.io/library/good:latest") {
		t.Errorf("%v, %v", result, err)
	}
}

// A shell has the size of the terminal, hears what is typed, and ends with the build.
func (b builder) terminal(t *testing.T, r buildkit.Request) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	in, typed := io.Pipe()
	shown, out := io.Pipe()
	sizes := make(chan buildkit.Size, 1)
	ended := make(chan error, 1)
	go func() {
		_, err := b.Debug(ctx, r, func(*buildkit.Failure) (buildkit.Terminal, error) {
			return buildkit.Terminal{TTY: true, Stdin: in, Stdout: out, Size: sizes}, nil
		})
		ended <- err
	}()
	sizes <- buildkit.Size{Rows: 33, Columns: 77}
	go func() {
		_, _ = io.WriteString(typed, "until stty size | grep '33 77'; do sleep 0.01; done; cat /state\n")
	}()
	var seen strings.Builder
	for buf := make([]byte, 100); !strings.Contains(seen.String(), "33 77\r\nbefore\r\n"); {
		n, err := shown.Read(buf)
		must(t, err)
		seen.Write(buf[:n])
	}
	cancel()
	go func() { _, _ = io.Copy(io.Discard, shown) }()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	must(t, typed.Close())
	must(t, out.Close())
}

// A COPY that fails has files too.
func (b builder) debugFiles(t *testing.T) {
	r := b.of("copied", b.inline(t, "RUN echo before >/state", "COPY state /state/below/"))
	must(t, os.WriteFile(filepath.Join(r.Build.Context, "state"), nil, 0o644))
	if out, _ := b.debugged(t, r, "cat", "/state"); out != "before\n" {
		t.Errorf("%q", out)
	}
	// Without a file to copy nothing has begun.
	r = b.of("copied", b.inline(t, "COPY nothing /"))
	_, err := b.Debug(context.Background(), r, nil)
	var failure *buildkit.Failure
	if !errors.As(err, &failure) {
		t.Error(err)
	}
}

// A build that is cancelled ends, and its containers with it.
func (b builder) cancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var out bytes.Buffer
	d, err := buildkit.NewDisplay(ctx, &out, "plain", 1)
	must(t, err)
	r := b.of("endless", b.inline(t, "RUN sleep 4711"))
	r.Progress = d.Of("endless")
	go func() {
		for ctx.Err() == nil && !running("sleep 4711") {
			time.Sleep(5 * time.Millisecond)
		}
		cancel(errors.New("as the user wished"))
	}()
	if _, err := b.Build(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	must(t, d.Close())
	for end := time.Now().Add(20 * time.Second); running("sleep 4711"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("its program goes on")
		}
	}
}

// A build that is waiting for its standard input ends with its command, and with
// buildkitd.
func (b builder) ended(t *testing.T) {
	for _, killed := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		in, rest := io.Pipe()
		r := b.of("waiting", project.Build{Context: "-"})
		r.Stdin = in
		failed := make(chan error, 1)
		go func() {
			_, err := b.Build(ctx, r)
			failed <- err
		}()
		_, err := rest.Write(append([]byte("\x1f\x8b\x08"), make([]byte, 5<<20)...)) // an archive, and not all of it
		must(t, err)
		if killed {
			must(t, b.process.Kill())
		} else {
			cancel()
		}
		err = <-failed
		if killed {
			has(t, err.Error(), "building the image of service waiting: buildkitd ended before the image was complete")
		} else if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		must(t, rest.Close())
		cancel()
	}
}

func running(command string) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		data, _ := os.ReadFile(file)
		if strings.Trim(strings.ReplaceAll(string(data), "\x00", " "), " ") == command {
			return true
		}
	}
	return false
}
