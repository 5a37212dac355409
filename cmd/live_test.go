//go:build live

package cmd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/livetest"
	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/networks"
)

// patience is how long a condition is waited for before a script fails.
const patience = 20 * time.Second

// TestLive runs the scripts in testdata/live against the programs in bin/, each
// with folders, an engine and a supervisor of its own.
func TestLive(t *testing.T) {
	params := liveParams(t)
	params.Dir = "../testdata/live"
	testscript.Run(t, params)
}

// liveParams is what all live scripts run with.
func liveParams(t *testing.T) testscript.Params {
	t.Helper()
	bin := livePrograms(t)
	images := t.TempDir()
	writeImages(t, images)
	registry := livetest.StartLoopback(t)
	pushImages(t, registry)
	guarded := livetest.StartGuarded(t, "ann", "s3cret")
	if err := guarded.Push("test/busybox:1", testImages(t)["busybox"]); err != nil {
		t.Fatal(err)
	}
	noNewLinks(t)
	hammer, hammered := hammers()
	params := testscript.Params{
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			state, err := os.MkdirTemp("/run", "gct-")
			if err != nil {
				return err
			}
			e.Vars = append(e.Vars,
				"PATH="+os.Getenv("PATH"), "HOME="+e.WorkDir, "IMAGES="+images, "REGISTRY="+registry.Host, "GUARDED="+guarded.Host,
				"GOCOMPOSE_ROOT="+filepath.Join(e.WorkDir, ".root"), "GOCOMPOSE_STATE="+state, "GOCOMPOSE_NO_SYNC=1")
			e.Defer(func() { cleanUp(e, bin) })
			endHanging(e, paths.Paths{Root: e.Getenv("GOCOMPOSE_ROOT"), State: state})
			return nil
		},
		Condition: condition("private"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"eventually":  eventually,
			"http":        httpGet,
			"leftovers":   leftovers,
			"freeport":    freePort,
			"listen":      listen,
			"kill9":       kill9,
			"reboot":      reboot,
			"load":        load,
			"smalldisk":   smallDisk,
			"fill":        fill,
			"unfill":      unfill,
			"push":        push(registry, testImages(t)),
			"pushfor":     pushFor(registry, testImages(t)),
			"inside":      inside,
			"ask":         ask,
			"nameserver":  nameserver,
			"udp":         udp,
			"udpecho":     udpEcho,
			"freeports":   freePorts,
			"hostaddress": hostAddress,
			"hostmount":   hostMount,
			"hammer":      hammer,
			"hammered":    hammered,
			"cgroup":      cgroupFile,
			"disk":        disk,
			"serve":       serve,
			"compile":     compile,
			"loopdisk":    loopDisk,
		},
	}
	maps.Copy(params.Cmds, new(logServers).commands())
	maps.Copy(params.Cmds, new(terminals).commands())
	maps.Copy(params.Cmds, signing(t, registry))
	return params
}

// livePrograms is the folder with the programs, which are in PATH then: for
// cleaning up, in process.
func livePrograms(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("the live tests need root")
	}
	bin, err := filepath.Abs("../bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "containerd")); err != nil {
		t.Fatalf("the live tests run what make build makes: %v", err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return bin
}

// noNewLinks fails the test when links of ours are there after it that were not
// before.
func noNewLinks(t *testing.T) {
	t.Helper()
	before := ourLinks(t)
	t.Cleanup(func() {
		for name := range ourLinks(t) {
			if !before[name] {
				t.Errorf("left behind: link %s", name)
			}
		}
	})
}

func ourLinks(t *testing.T) map[string]bool {
	t.Helper()
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]bool{}
	for _, l := range links {
		if strings.HasPrefix(l.Name, "gc") {
			ours[l.Name] = true
		}
	}
	return ours
}

// condition returns the conditions of scripts: those about the host, and
// "private", which may hold: the engine is gocompose's own.
func condition(holds string) func(string) (bool, error) {
	return func(cond string) (bool, error) {
		if can, known := hostCan(cond); known {
			return can, nil
		}
		if cond != "private" {
			return false, fmt.Errorf("unknown condition %q", cond)
		}
		return cond == holds, nil
	}
}

// cleanUp ends what a failed script left, so that it does not disturb others:
// first its own commands, which use what is taken away then, or have a pipe that
// the script's end waits for. The daemons do not have its variables.
func cleanUp(e *testscript.Env, bin string) {
	p := paths.Paths{Root: e.Getenv("GOCOMPOSE_ROOT"), State: e.Getenv("GOCOMPOSE_STATE")}
	if err := livetest.EndAll("WORK=" + e.WorkDir); err != nil {
		e.T().Log("ending the script's commands:", err)
	}
	if left, err := livetest.Leftovers(p); len(left) > 0 || err != nil {
		cfg := host.Config{Paths: p, Program: filepath.Join(bin, "gocompose"), Address: e.Getenv("CONTAINERD_ADDRESS")}
		if err := wipe(cfg); err != nil {
			e.T().Log("cleaning up:", err)
		}
	}
	_ = os.RemoveAll(p.State)
}

// wipe takes away all containers and networks of a layout, and its processes.
func wipe(cfg host.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	h, err := host.Open(ctx, cfg)
	if err != nil {
		return err
	}
	projects, err := h.Projects(ctx)
	for _, name := range projects {
		obs, oerr := h.Observe(ctx, name, nil)
		err = errors.Join(err, oerr)
		for _, c := range slices.Concat(obs.Containers, obs.OneOffs, obs.Leftovers) {
			err = errors.Join(err, h.StopContainer(ctx, c.ID, 0), h.RemoveContainer(ctx, c.ID))
		}
	}
	nets, lerr := networks.Open(cfg.Paths)
	if lerr == nil {
		var all []networks.Record
		all, lerr = nets.List(ctx)
		for _, n := range all {
			lerr = errors.Join(lerr, h.RemoveNetwork(ctx, n.Network))
		}
	}
	return errors.Join(err, lerr, h.Close(), host.StopSystem(ctx, cfg, host.Forced, func() {}))
}

func layout(ts *testscript.TestScript) paths.Paths {
	return paths.Paths{Root: ts.Getenv("GOCOMPOSE_ROOT"), State: ts.Getenv("GOCOMPOSE_STATE")}
}

// leftovers ends gocompose's own processes and fails when anything remains of
// the layout but its images.
func leftovers(ts *testscript.TestScript, neg bool, args []string) {
	if kept := inEngine(ts); len(kept) > 0 {
		ts.Fatalf("left behind in containerd:\n%s", strings.Join(kept, "\n"))
	}
	ts.Check(ts.Exec("gocompose", "system", "stop"))
	left, err := livetest.Leftovers(layout(ts))
	ts.Check(err)
	if len(left) > 0 {
		ts.Fatalf("left behind:\n%s", strings.Join(left, "\n"))
	}
	for _, dir := range []string{"containers", "networks", "volumes"} {
		entries, err := os.ReadDir(filepath.Join(layout(ts).Root, dir))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			ts.Fatalf("%v", err)
		}
		if len(entries) > 0 {
			ts.Fatalf("left behind: %s/%v", dir, entries)
		}
	}
}

// inEngine returns what containerd holds beside images and what builds keep:
// containers, their snapshots, leases.
func inEngine(ts *testscript.TestScript) []string {
	address := ts.Getenv("CONTAINERD_ADDRESS")
	if address == "" {
		address = layout(ts).EngineSocket()
	}
	ctx := namespaces.WithNamespace(context.Background(), containerd.DefaultNamespace)
	c, err := containerd.Connect(ctx, containerd.Config{Address: address})
	if errors.Is(err, containerd.ErrUnreachable) {
		return nil // it has left already, with nothing to look after
	}
	ts.Check(err)
	defer c.Close()
	var kept []string
	found, err := c.Containers(ctx, containerd.Filter{})
	ts.Check(err)
	for _, f := range found {
		kept = append(kept, "container "+f.ID)
	}
	leases, err := c.Raw().LeasesService().List(ctx)
	ts.Check(err)
	cached := map[string]bool{}
	for _, l := range leases {
		if !ofBuildCache(l) {
			kept = append(kept, "lease "+l.ID)
			continue
		}
		resources, err := c.Raw().LeasesService().ListResources(ctx, l)
		ts.Check(err)
		for _, r := range resources {
			cached[r.ID] = true
		}
	}
	ts.Check(c.Snapshots().Walk(ctx, func(_ context.Context, i snapshots.Info) error {
		if i.Kind != snapshots.KindCommitted && !cached[i.Name] {
			kept = append(kept, "snapshot "+i.Name)
		}
		return nil
	}))
	return kept
}

// eventually COMMAND..., or eventually inside SERVICE COMMAND..., runs the command
// again until it succeeds (with !, until it fails).
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	run := func() error { return ts.Exec(args[0], args[1:]...) }
	switch args[0] {
	case "exec":
		args = args[1:]
	case "inside":
		run = func() error { return enter(ts, args[1:]) }
	}
	deadline := time.Now().Add(patience)
	for {
		err := run()
		if (err != nil) == neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v: still so after %v: %v", args, patience, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// http URL PATTERN asks again until the answer matches; ! http URL succeeds
// when there is no answer.
func httpGet(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		if body, err := get(args[0]); err == nil {
			ts.Fatalf("%s answered: %s", args[0], body)
		}
		return
	}
	want := regexp.MustCompile(args[1])
	deadline := time.Now().Add(patience)
	for {
		body, err := get(args[0])
		if err == nil && want.MatchString(body) {
			fmt.Fprintln(ts.Stdout(), body)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: %q (%v), want %q", args[0], body, err, args[1])
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func get(url string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// kill9 WORD... kills the processes of this script's layout whose command line
// contains all words, once there is one.
func kill9(ts *testscript.TestScript, neg bool, args []string) {
	deadline := time.Now().Add(patience)
	for {
		pids, err := livetest.Processes(layout(ts), args...)
		ts.Check(err)
		for _, pid := range pids {
			ts.Check(syscall.Kill(pid, syscall.SIGKILL))
		}
		if len(pids) > 0 {
			return
		}
		if time.Now().After(deadline) {
			left, err := livetest.Leftovers(layout(ts))
			ts.Check(err)
			ts.Fatalf("no process %v among:\n%s", args, strings.Join(left, "\n"))
		}
		time.Sleep(5 * time.Millisecond)
	}
}
