package shim

import (
	"context"
	"errors"
	"testing"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	ctrd "github.com/containerd/containerd/v2/pkg/shim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/gocompose/gocompose/shim/launch"
)

// Arguments of the calls that start a shim, as each version writes them.
func startArgs() map[string][]string {
	common := []string{"-namespace", "gocompose", "-address", "/run/c.sock", "-publish-binary", "/usr/bin/containerd", "-id", "web-1"}
	return map[string][]string{
		"1.6 to 2.2":         append(common[:len(common):len(common)], "start"),
		"1.6 with debugging": append(common[:len(common):len(common)], "-debug", "start"),
		"with a bundle":      append(common[:len(common):len(common)], "-bundle", "/run/b", "start"),
	}
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// olderInput is what containerd before 2.3 writes: nothing, or the options of
// the runtime under the name of their type alone.
func olderInput(t *testing.T) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"nothing":       nil,
		"empty options": marshal(t, &anypb.Any{TypeUrl: "containerd.runc.v1.Options"}),
		"options": marshal(t, &anypb.Any{
			TypeUrl: "containerd.runc.v1.Options",
			Value:   marshal(t, &runcoptions.Options{BinaryName: "/usr/sbin/runc", Root: "/run/r", ShimCgroup: "/shims"}),
		}),
	}
}

func TestStartIsToldFromOtherCalls(t *testing.T) {
	for name, args := range startArgs() {
		c, ok := parseStart(args)
		if !ok || c.ID != "web-1" || c.Namespace != "gocompose" || c.Address != "/run/c.sock" || c.Binary != "/usr/bin/containerd" {
			t.Errorf("%s: %+v, %t", name, c, ok)
		}
	}
	for name, args := range map[string][]string{
		"delete":                {"-namespace", "n", "-id", "i", "-bundle", "/b", "delete"},
		"serve":                 {"-namespace", "n", "-id", "i", "-address", "/a"},
		"info":                  {"-info"},
		"version":               {"-v"},
		"a start without an ID": {"-namespace", "n", "start"},
		"none":                  nil,
	} {
		if c, ok := parseStart(args); ok {
			t.Errorf("%s: taken for a start: %+v", name, c)
		}
	}
}

func TestBootstrapIsToldFromWhatOlderVersionsWrite(t *testing.T) {
	c := startCall{launch.Call{ID: "web-1", Namespace: "gocompose"}}
	if !c.isBootstrap(marshal(t, &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: "gocompose", ContainerdVersion: "2.3.7"})) {
		t.Error("a bootstrap message is not known as one")
	}
	for name, input := range olderInput(t) {
		if c.isBootstrap(input) {
			t.Errorf("%s: taken for a bootstrap message", name)
		}
	}
	if c.isBootstrap([]byte("{}")) {
		t.Error("text is taken for a bootstrap message")
	}
}

func TestBootstrapSaysWhatOlderVersionsSaid(t *testing.T) {
	t.Setenv("TTRPC_ADDRESS", "/run/c.sock.ttrpc")
	for name, input := range olderInput(t) {
		c, _ := parseStart(startArgs()["1.6 with debugging"])
		p, err := c.bootstrap(input)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if p.InstanceID != "web-1" || p.Namespace != "gocompose" || p.ContainerdGrpcAddress != "/run/c.sock" ||
			p.ContainerdTtrpcAddress != "/run/c.sock.ttrpc" || p.LogLevel != bootstrap.LogLevel_LOG_LEVEL_DEBUG {
			t.Errorf("%s: %v", name, p)
		}
		var o runcoptions.Options
		found, err := p.FindExtension(&o)
		if err != nil || found != (input != nil) || (name == "options") != (o.ShimCgroup == "/shims") {
			t.Errorf("%s: options %v, %t, %v", name, &o, found, err)
		}
	}
	if _, err := (startCall{launch.Call{ID: "i"}}).bootstrap([]byte("no message")); err == nil {
		t.Error("what is no message is accepted")
	}
}

func TestQuietUnlessAskedToDebug(t *testing.T) {
	c, _ := parseStart(startArgs()["1.6 to 2.2"])
	p, err := c.bootstrap(nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.LogLevel != bootstrap.LogLevel_LOG_LEVEL_INFO {
		t.Errorf("level %v", p.LogLevel)
	}
}

// starter is a manager whose shims all have the same address.
type starter struct {
	ctrd.Shim
	address string
	err     error
}

func (s starter) Start(context.Context, *bootstrap.BootstrapParams) (*bootstrap.BootstrapResult, error) {
	return &bootstrap.BootstrapResult{Version: 3, Protocol: "ttrpc", Address: s.address}, s.err
}

func TestAddressOfTheShimIsInItsBundle(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx := namespaces.WithNamespace(t.Context(), "gocompose")
	params := &bootstrap.BootstrapParams{InstanceID: "web-1", ContainerdGrpcAddress: "/run/c.sock"}
	if _, err := (cleaner{starter{err: errors.New("no shim")}}).Start(ctx, params); err == nil {
		t.Error("no error")
	}
	want, err := ctrd.SocketAddress(ctx, "/run/c.sock", "web-1", false)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ctrd.ReadAddress(launch.AddressFile); err != nil || got != want {
		t.Errorf("before the shim: %q, %v, want %q", got, err, want)
	}
	if _, err := (cleaner{starter{address: "unix:///run/group"}}).Start(ctx, params); err != nil {
		t.Fatal(err)
	}
	if got, err := ctrd.ReadAddress(launch.AddressFile); err != nil || got != "unix:///run/group" {
		t.Errorf("a group's: %q, %v", got, err)
	}
}
