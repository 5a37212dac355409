package launch

import (
	"testing"
	"time"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	taskapi "github.com/containerd/containerd/api/runtime/task/v3"
	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// withOptions is a message as containerd writes it.
func withOptions(t testing.TB, o *runcoptions.Options) *bootstrap.BootstrapParams {
	t.Helper()
	dir := "/run/s"
	p := &bootstrap.BootstrapParams{
		InstanceID: "web-1", Namespace: "gocompose", LogLevel: bootstrap.LogLevel_LOG_LEVEL_WARN, ContainerdVersion: "2.3.7",
		ContainerdTtrpcAddress: "/run/c.sock.ttrpc", ContainerdGrpcAddress: "/run/c.sock", ContainerdBinary: "/bin/containerd", SocketDir: &dir,
	}
	if o != nil {
		value, err := anypb.New(o)
		if err != nil {
			t.Fatal(err)
		}
		value.TypeUrl = "containerd.runc.v1.Options" // as typeurl writes it
		if err := p.AddExtension(value); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func TestBootstrapMessageIsReadAsTheLibraryWritesIt(t *testing.T) {
	want := params{id: "web-1", namespace: "gocompose", address: "/run/c.sock", socketDir: "/run/s", logLevel: 4}
	for name, o := range map[string]*runcoptions.Options{
		"no options": nil, "options": {BinaryName: "/bin/runc", Root: "/run/r", NoPivotRoot: true},
	} {
		if p, ok := readParams(marshal(t, withOptions(t, o))); !ok || p != want {
			t.Errorf("%s: %+v, %t", name, p, ok)
		}
	}
	want.inCgroup = true
	if p, ok := readParams(marshal(t, withOptions(t, &runcoptions.Options{ShimCgroup: "/shims"}))); !ok || p != want {
		t.Errorf("with a cgroup: %+v, %t", p, ok)
	}
	debug := withOptions(t, nil)
	debug.LogLevel = bootstrap.LogLevel_LOG_LEVEL_TRACE
	if p, ok := readParams(marshal(t, debug)); !ok || p.logLevel != -8 {
		t.Errorf("a negative level: %+v, %t", p, ok)
	}
}

func TestBrokenMessagesAreNotRead(t *testing.T) {
	whole := marshal(t, withOptions(t, &runcoptions.Options{Root: "/run/r"}))
	for name, message := range map[string][]byte{
		"cut":          whole[:len(whole)-1],
		"text":         []byte("{}"),
		"a wide field": {1<<3 | 1, 0, 0, 0, 0, 0, 0, 0, 0},
		"no value":     {1 << 3},
	} {
		if p, ok := readParams(message); ok {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func FuzzBootstrapMessage(f *testing.F) {
	f.Add(marshal(f, withOptions(f, &runcoptions.Options{ShimCgroup: "/shims"})))
	f.Fuzz(func(t *testing.T, message []byte) {
		got, ok := readParams(message)
		var want bootstrap.BootstrapParams
		if !ok || proto.Unmarshal(message, &want) != nil {
			return
		}
		if got.id != want.InstanceID || got.namespace != want.Namespace || got.address != want.ContainerdGrpcAddress ||
			got.socketDir != want.GetSocketDir() || got.logLevel != int32(want.LogLevel) {
			t.Errorf("%+v, the library reads %v", got, &want)
		}
	})
}

func TestAnswersAreReadByTheLibrary(t *testing.T) {
	var result bootstrap.BootstrapResult
	if err := proto.Unmarshal(started("unix:///run/s/x"), &result); err != nil {
		t.Fatal(err)
	}
	if want := (&bootstrap.BootstrapResult{Version: 3, Address: "unix:///run/s/x", Protocol: "ttrpc"}); !proto.Equal(&result, want) {
		t.Errorf("%v", &result)
	}
	at := time.Unix(1_700_000_000, 123_456_789)
	var gone taskapi.DeleteResponse
	if err := proto.Unmarshal(deleted(at), &gone); err != nil {
		t.Fatal(err)
	}
	if !gone.ExitedAt.AsTime().Equal(at) || gone.ExitStatus != 0 || gone.Pid != 0 {
		t.Errorf("%v", &gone)
	}
}
