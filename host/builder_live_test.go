//go:build live

package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/platforms"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"

	"github.com/gocompose/gocompose/buildkit/daemon"
	"github.com/gocompose/gocompose/containerd/enginetest"
	"github.com/gocompose/gocompose/internal/cgroup"
	"github.com/gocompose/gocompose/internal/livetest"
)

// build has the host's buildkitd make an image of a Dockerfile, in a context with a
// busybox, and returns what its steps have printed.
func build(ctx context.Context, t *testing.T, h *Host, name, dockerfile string, attrs map[string]string) (string, error) {
	t.Helper()
	if _, err := h.Builder(ctx); err != nil {
		return "", err
	}
	c, err := client.New(ctx, "unix://"+h.cfg.Paths.BuilderSocket())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	dir := t.TempDir()
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o600),
		os.WriteFile(filepath.Join(dir, "busybox"), busybox, 0o755))
	if err != nil {
		t.Fatal(err)
	}
	files, err := fsutil.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string)
	status := make(chan *client.SolveStatus)
	go func() {
		text := ""
		for s := range status {
			for _, l := range s.Logs {
				text += string(l.Data)
			}
		}
		said <- text
	}()
	_, err = c.Solve(ctx, nil, client.SolveOpt{
		Frontend: "dockerfile.v0", FrontendAttrs: attrs, AllowedEntitlements: []string{"network.host"},
		LocalMounts: map[string]fsutil.FS{"context": files, "dockerfile": files},
		Exports:     []client.ExportEntry{{Type: client.ExporterImage, Attrs: map[string]string{"name": name, "unpack": "true"}}},
	}, status)
	return <-said, err
}

// box begins a Dockerfile of an image that has programs.
const box = "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"/bin\"]\nENV PATH=/bin\nSHELL [\"/bin/sh\", \"-ec\"]\n"

func TestWhatIsBuiltIsInTheStore(t *testing.T) {
	h := open(t)
	said, err := build(t.Context(), t, h, "docker.io/library/built:1", box+"RUN echo hello from $$\n", nil)
	if err != nil {
		t.Fatal(err, said)
	}
	image, err := h.images.Get(t.Context(), "docker.io/library/built:1")
	if err != nil {
		t.Fatal(err)
	}
	// What was built is not unpacked again: the image is what the last step has left.
	top, err := h.containerd.Snapshots().Stat(t.Context(), image.ChainID)
	use, uerr := h.containerd.Snapshots().Usage(t.Context(), image.ChainID)
	if err := errors.Join(err, uerr); err != nil || use.Size > 4096 || strings.HasPrefix(top.Parent, "sha256:") {
		t.Errorf("%v, the image's snapshot takes %d and lies on %s", err, use.Size, top.Parent)
	}
	pid, err := builder(h.cfg).Pid()
	if err != nil || pid == 0 {
		t.Fatal(pid, err)
	}
	// Whoever holds on to it keeps it.
	if err := builder(h.cfg).Tend(t.Context(), time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	if now, err := builder(h.cfg).Pid(); err != nil || now != pid {
		t.Errorf("process %d has become %d, %v", pid, now, err)
	}
	// What a step has left that was given up while it was made is ended.
	left := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	_ = cgroup.Enter(daemon.CgroupParent(h.cfg.Paths)+"/buildkit/left", left.Process.Pid)
	if err := errors.Join(h.LeaveBuilder(), builder(h.cfg).Tend(t.Context(), time.Hour)); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, h)
	_ = left.Process.Kill() // if it was not
	_ = left.Wait()
	if now, err := builder(h.cfg).Pid(); err != nil || now != pid {
		t.Errorf("not idle yet, process %d has become %d, %v", pid, now, err)
	}
	// The engine stays with it, for the next build.
	for idle, want := range map[string]bool{"1h": false, "1ns": true} {
		t.Setenv(daemon.IdleVariable, idle)
		if got, err := (&runtime{cfg: h.cfg, host: h}).Idle(t.Context()); err != nil || got != want {
			t.Errorf("idle for %s, nothing is left to do: %v, %v", idle, got, err)
		}
	}
	if err := builder(h.cfg).Tend(t.Context(), time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	if pids, err := livetest.Processes(h.cfg.Paths, "buildkitd"); err != nil || len(pids) > 0 {
		t.Errorf("processes %v, %v", pids, err)
	}
	if _, err := os.Stat(h.cfg.Paths.BuilderSocket()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket: %v", err)
	}
	// The cache is there for the next.
	again, err := build(t.Context(), t, h, "docker.io/library/built:1", box+"RUN echo hello from $$\n", nil)
	if err != nil || again != "" {
		t.Errorf("built again, it says %q, %v", again, err)
	}
}

// Layers are packed while the next step runs, and so they are when that fails; on many others
// at least if they are large.
func TestLayersArePackedBeforeTheBuildIsDone(t *testing.T) {
	h := open(t)
	attrs := map[string]string{"ahead:compression": "uncompressed"}
	for mb, below := range map[int64]string{5: "", 6: strings.Repeat("COPY Dockerfile /other/\n", 25)} {
		last := fmt.Sprintf("RUN dd if=/dev/zero of=/zeros bs=1M count=%d\nRUN false\n", mb)
		if _, err := build(t.Context(), t, h, "docker.io/library/never:1", box+below+last, attrs); err == nil {
			t.Fatal("it is built")
		}
		for found := false; !found; time.Sleep(5 * time.Millisecond) {
			err := h.containerd.Raw().ContentStore().Walk(t.Context(), func(i content.Info) error {
				found = found || i.Size > mb<<20 && i.Size < mb<<20+64<<10 && i.Labels["containerd.io/uncompressed"] == i.Digest.String()
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	// Those of another image with the same steps are compressed all the same, if it is to be.
	const zeros = box + "RUN dd if=/dev/zero of=/zeros bs=1M count=5\n"
	if _, err := build(t.Context(), t, h, "docker.io/library/packed:1", zeros, nil); err != nil {
		t.Fatal(err)
	}
	store := h.containerd.Raw().ContentStore()
	image, err := h.containerd.Raw().ImageService().Get(t.Context(), "docker.io/library/packed:1")
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := images.Manifest(t.Context(), store, image.Target, platforms.Default())
	if err != nil || len(manifest.Layers) != 3 {
		t.Fatalf("%v, layers %v", err, manifest.Layers)
	}
	for _, l := range manifest.Layers {
		if l.MediaType != ocispec.MediaTypeImageLayerGzip {
			t.Errorf("%s is a layer of %s", l.Digest, l.MediaType)
		}
	}
}

// steps returns the command lines of what the steps of builds run.
func steps(t *testing.T, h *Host) []string {
	t.Helper()
	facts, err := cgroup.Look()
	if err != nil {
		t.Fatal(err)
	}
	pids, err := facts.Group(daemon.CgroupParent(h.cfg.Paths)).Processes()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, pid := range pids {
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && len(line) > 0 {
			lines = append(lines, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return lines
}

// slowly has an image built whose last step does not end by itself, and returns when
// that runs.
func slowly(t *testing.T, h *Host) (ended <-chan error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := build(t.Context(), t, h, "docker.io/library/slow:1", box+"RUN sleep 1000\n", nil)
		done <- err
	}()
	for !slices.ContainsFunc(steps(t, h), func(line string) bool { return strings.HasPrefix(line, "sleep 1000") }) {
		select {
		case err := <-done:
			t.Fatal(err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return done
}

// kill kills a process of the layout, and returns when it is gone.
func kill(t *testing.T, h *Host, words ...string) {
	t.Helper()
	pids, err := livetest.Processes(h.cfg.Paths, words...)
	if err != nil || len(pids) != 1 {
		t.Fatalf("processes of %v: %v, %v", words, pids, err)
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for {
		if now, err := livetest.Processes(h.cfg.Paths, words...); err != nil || !slices.Contains(now, pids[0]) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// nothingLeft says what there is of steps that nobody waits for.
func nothingLeft(t *testing.T, h *Host) {
	t.Helper()
	if left := steps(t, h); len(left) > 0 {
		t.Errorf("still running: %q", left)
	}
	if left, _ := filepath.Glob(filepath.Join("/sys/fs/cgroup", "*", daemon.CgroupParent(h.cfg.Paths), "buildkit", "*", "cgroup.procs")); len(left) > 0 {
		t.Errorf("cgroups: %q", left)
	}
	all, err := h.containerd.Raw().ContainerService().List(t.Context())
	if err != nil || len(all) > 0 {
		t.Errorf("containers: %v, %v", all, err)
	}
	for _, of := range []string{"runc/*", "steps/*/rootfs"} {
		if left, _ := filepath.Glob(filepath.Join(h.cfg.Paths.BuilderState(), of)); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
}

func TestABuilderThatIsKilledIsStartedAgainAndItsStepsAreEnded(t *testing.T) {
	h := open(t)
	ended := slowly(t, h)
	kill(t, h, "buildkitd", "--config")
	if err := <-ended; err == nil {
		t.Error("the build is done")
	}
	if _, err := build(t.Context(), t, h, "docker.io/library/next:1", box, nil); err != nil {
		t.Error(err)
	}
	nothingLeft(t, h)
}

func TestAnIdleBuilderIsEndedByTheSupervisor(t *testing.T) {
	t.Setenv(daemon.IdleVariable, "100ms")
	h := open(t)
	if _, err := h.Builder(t.Context()); err != nil {
		t.Fatal(err)
	}
	untilIdle(t, h)
}

// untilIdle returns when the buildkitd that the host has let go of was ended.
func untilIdle(t *testing.T, h *Host) {
	t.Helper()
	if err := h.LeaveBuilder(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(h.cfg.Paths.BuilderSocket()); errors.Is(err, fs.ErrNotExist) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Where the engine is not ours nothing but a container has had a supervisor so far.
func TestABuilderOnAnotherEngineIsEndedToo(t *testing.T) {
	t.Setenv(daemon.IdleVariable, "100ms")
	h := openAt(t, enginetest.Start(t).Address)
	if _, err := h.Builder(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.supervisor.work.Wait()
	if _, err := h.supervisor.current().Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	untilIdle(t, h)
}

func TestABuildWhoseEngineIsKilledEndsAndTheNextHasABuilderOfItsOwn(t *testing.T) {
	h := open(t)
	ended := slowly(t, h)
	kill(t, h, "containerd", "--config")
	if err := <-ended; err == nil {
		t.Error("the build is done")
	}
	if err := h.LeaveBuilder(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), h.cfg) // as the next command does
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := build(t.Context(), t, again, "docker.io/library/next:1", box, nil); err != nil {
		t.Error(err)
	}
	nothingLeft(t, again)
}

func TestStepsHaveANetworkOfTheirOwnUnlessTheyAskForAnother(t *testing.T) {
	h := open(t)
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	const look = box + "RUN readlink /proc/self/ns/net; ip -o addr; ip route; cat /etc/resolv.conf\n"
	for mode, want := range map[string]struct{ has, has0, hasNot string }{
		"":     {"eth0    inet 172.", "default via 172.", own},
		"none": {"lo    inet 127.0.0.1", "", "eth0"},
		"host": {own, "", "eth0    inet 172.24.0."},
	} {
		said, err := build(t.Context(), t, h, "docker.io/library/look:1", look, map[string]string{"force-network-mode": mode})
		if err != nil || !strings.Contains(said, want.has) || !strings.Contains(said, want.has0) || strings.Contains(said, want.hasNot) {
			t.Errorf("network %q: %v, %s", mode, err, said)
		}
		if mode == "" && (!strings.Contains(said, "nameserver ") || strings.Contains(said, "nameserver 127.")) {
			t.Errorf("it has no name server that it reaches: %s", said)
		}
	}
}

func TestABuildPullsByHostsToml(t *testing.T) {
	r := livetest.StartRegistry(t)
	image, err := livetest.Busybox(v1.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Push("base:1", image); err != nil {
		t.Fatal(err)
	}
	certs := t.TempDir()
	t.Setenv("GOCOMPOSE_CERTS_D", certs)
	h := open(t)
	const dockerfile = "FROM mirrored.invalid/base:1\nRUN echo here\n"
	if _, err := build(t.Context(), t, h, "docker.io/library/mirrored:1", dockerfile, nil); err == nil {
		t.Error("without a mirror it is built")
	}
	if err := h.LeaveBuilder(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(certs, "mirrored.invalid")
	hosts := fmt.Sprintf("[host.%q]\n", "http://"+r.Host)
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte(hosts), 0o600)); err != nil {
		t.Fatal(err)
	}
	if said, err := build(t.Context(), t, h, "docker.io/library/mirrored:1", dockerfile, nil); err != nil || !strings.Contains(said, "here") {
		t.Errorf("%v, %s", err, said)
	}
}
