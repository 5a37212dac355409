package launch

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	ctrd "github.com/containerd/containerd/v2/pkg/shim"
	"google.golang.org/protobuf/proto"
)

// shimScript stands for the shim's own program: it writes down how it was
// called, and what of its files are sockets.
const shimScript = `#!/bin/sh
{ echo "$*"; echo "$A_VARIABLE"; cat /proc/self/oom_score_adj; readlink /proc/self/fd/3; cat; } >called.new
mv called.new called
`

// rig is a folder with the built program and a shim that is none, a bundle and
// a short folder for sockets.
type rig struct {
	t       *testing.T
	bundle  string
	sockets string
	program string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	bin := t.TempDir()
	r := &rig{t: t, bundle: filepath.Join(t.TempDir(), "web-1"), program: filepath.Join(bin, "launch")}
	sockets, err := os.MkdirTemp("", "s") // a test's own folder can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	r.sockets = sockets
	build := exec.Command("go", "build", "-o", r.program, "../../cmd/containerd-shim-gocompose-v1")
	if msg, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	err = os.WriteFile(filepath.Join(bin, Program), []byte(shimScript), 0o700)
	if err = errors.Join(err, os.Mkdir(r.bundle, 0o700)); err != nil {
		t.Fatal(err)
	}
	r.config(`{"annotations":{"a":"b"}}`)
	return r
}

func (r *rig) config(text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.bundle, "config.json"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) params(o *runcoptions.Options) *bootstrap.BootstrapParams {
	p := withOptions(r.t, o)
	p.SocketDir = &r.sockets
	return p
}

// call calls the program as containerd does.
func (r *rig) call(input []byte, action string, more ...string) ([]byte, error) {
	cmd := exec.Command(r.program, append(more, "-namespace", "gocompose", "-address", "/run/c.sock", "-id", "web-1", action)...)
	cmd.Dir = r.bundle
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = append(os.Environ(), "A_VARIABLE=a value")
	cmd.Stderr = os.Stderr
	return cmd.Output()
}

// called waits for the shim to be called, and returns its lines.
func (r *rig) called() []string {
	r.t.Helper()
	path := filepath.Join(r.bundle, "called")
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		data, err := os.ReadFile(path)
		if err == nil {
			if err := os.Remove(path); err != nil {
				r.t.Fatal(err)
			}
			return strings.Split(string(data), "\n")
		}
		if time.Now().After(end) {
			r.t.Fatal(err)
		}
	}
}

// address is that of the shim by containerd's library.
func (r *rig) address() string {
	r.t.Helper()
	ctx := namespaces.WithNamespace(r.t.Context(), "gocompose")
	address, err := ctrd.CreateSocketAddress(ctx, r.sockets, "/run/c.sock", "web-1", false)
	if err != nil {
		r.t.Fatal(err)
	}
	return address
}

func TestShimIsStarted(t *testing.T) {
	r := newRig(t)
	answer, err := r.call(marshal(t, r.params(&runcoptions.Options{Root: "/run/r"})), "start")
	if err != nil {
		t.Fatal(err)
	}
	var result bootstrap.BootstrapResult
	if err := proto.Unmarshal(answer, &result); err != nil || result.Address != r.address() {
		t.Errorf("answer %v, %v; want the address %s", &result, err, r.address())
	}
	if file, err := ctrd.ReadAddress(filepath.Join(r.bundle, AddressFile)); err != nil || file != r.address() {
		t.Errorf("%s, %v in the bundle", file, err)
	}
	if dir, err := os.Readlink(filepath.Join(r.bundle, "s")); err != nil || dir != r.sockets {
		t.Errorf("folder of sockets %s, %v in the bundle", dir, err)
	}
	got := r.called()
	ours, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	score, err := strconv.Atoi(strings.TrimSpace(string(ours)))
	if err != nil {
		t.Fatal(err)
	}
	if got[0] != "-namespace gocompose -id web-1 -address /run/c.sock" || got[1] != "a value" {
		t.Errorf("the shim was called with %q", got[:2])
	}
	if got[2] != strconv.Itoa(min(score+1, 1000)) {
		t.Errorf("OOM score %s, of the caller %d", got[2], score)
	}
	if !strings.HasPrefix(got[3], "socket:") {
		t.Errorf("file 3 is %s", got[3])
	}
	path := strings.TrimPrefix(r.address(), "unix://")
	if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestTheShimItselfDoesWhatIsNotUsual(t *testing.T) {
	usual := func(r *rig) []byte { return marshal(t, r.params(nil)) }
	for name, tt := range map[string]struct {
		input  func(r *rig) []byte
		config string
		action string
		more   []string
	}{
		"an older containerd":  {input: func(*rig) []byte { return nil }, action: "start"},
		"another container's":  {input: func(*rig) []byte { return marshal(t, &bootstrap.BootstrapParams{InstanceID: "x"}) }, action: "start"},
		"a group":              {input: usual, config: `{"annotations":{"io.containerd.runc.v2.group":"g"}}`, action: "start"},
		"no specification":     {input: usual, config: "-", action: "start"},
		"debugging":            {input: usual, action: "start", more: []string{"-debug"}},
		"a cgroup":             {input: func(r *rig) []byte { return marshal(t, r.params(&runcoptions.Options{ShimCgroup: "/s"})) }, action: "start"},
		"what may live":        {input: usual, action: "delete"},
		"another call":         {input: usual, action: "serve"},
		"another flag":         {input: usual, action: "start", more: []string{"-unknown"}},
		"a socket that serves": {input: usual, action: "start", more: []string{"socket"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			switch tt.config {
			case "-":
				if err := os.Remove(filepath.Join(r.bundle, "config.json")); err != nil {
					t.Fatal(err)
				}
			case "":
			default:
				r.config(tt.config)
			}
			more := tt.more
			if len(more) == 1 && more[0] == "socket" {
				l, err := net.Listen("unix", strings.TrimPrefix(r.address(), "unix://"))
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				more = nil
			}
			input := tt.input(r)
			if _, err := r.call(input, tt.action, more...); err != nil {
				t.Fatal(err)
			}
			got := strings.Join(r.called(), "\n")
			if want := strings.Join(append(more, "-namespace"), " "); !strings.HasPrefix(got, want) ||
				!strings.Contains(got, " "+tt.action+"\n") || !strings.HasSuffix(got, string(input)) {
				t.Errorf("called with %q", got)
			}
		})
	}
}

func TestWithoutTheShimNothingIsLeft(t *testing.T) {
	r := newRig(t)
	if err := os.Remove(filepath.Join(filepath.Dir(r.program), Program)); err != nil {
		t.Fatal(err)
	}
	_, err := r.call(marshal(t, r.params(nil)), "start")
	if err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(strings.TrimPrefix(r.address(), "unix://")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestInputCanBeReadOnceMore(t *testing.T) {
	want := bytes.Repeat([]byte("x"), 1<<20) // more than a pipe holds
	if os.Getenv("LAUNCH_TEST_INPUT") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestInputCanBeReadOnceMore$")
		cmd.Env = append(os.Environ(), "LAUNCH_TEST_INPUT=1")
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, msg)
		}
		return
	}
	if err := RestoreInput(want); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(os.Stdin); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestWhatWasDeletedIsNotStoppedAgain(t *testing.T) {
	dir := t.TempDir()
	bundle := filepath.Join(dir, "web-1")
	call := Call{ID: "web-1"}
	t.Chdir(t.TempDir()) // beside which there is no such bundle
	if _, err := call.delete(); err != nil {
		t.Errorf("without its bundle: %v", err)
	}
	if err := errors.Join(os.Mkdir(bundle, 0o700), os.Mkdir(filepath.Join(dir, "cwd"), 0o700)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(dir, "cwd"))
	if _, err := call.delete(); !errors.Is(err, errUnusual) {
		t.Errorf("what may live was not stopped: %v", err)
	}
	if err := os.WriteFile(filepath.Join(bundle, OptionsFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := call.delete(); !errors.Is(err, errUnusual) {
		t.Errorf("what may live was not stopped, though it is ours: %v", err)
	}
	if err := os.Rename(filepath.Join(bundle, OptionsFile), filepath.Join(bundle, DeletedFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := call.delete(); err != nil {
		t.Errorf("after its deletion: %v", err)
	}
}

func TestSocketOfADeadShimIsRemoved(t *testing.T) {
	dir := t.TempDir()
	remove := func() {
		t.Helper()
		if err := RemoveSocket(dir); err != nil {
			t.Error(err)
		}
	}
	remove() // never started

	sockets, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(sockets)
	socket := filepath.Join(sockets, "s")
	l, err := ctrd.NewSocket("unix://" + socket)
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := os.WriteFile(filepath.Join(dir, AddressFile), []byte("unix://"+socket), 0o600); err != nil {
		t.Fatal(err)
	}
	remove()
	if _, err := os.Stat(socket); err != nil {
		t.Errorf("a socket that a shim of a group serves is gone: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	remove()
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket of a dead shim is left: %v", err)
	}
	remove() // gone already
}
