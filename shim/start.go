package shim

import (
	"context"
	"fmt"
	"io"
	"os"

	bootapi "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	ctrd "github.com/containerd/containerd/v2/pkg/shim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/gocompose/gocompose/shim/launch"
)

// Since version 2.3, containerd writes what a new shim needs to its standard
// input, as a bootstrap message, and reads one as its answer. Before, it gives
// arguments and environment, writes the runtime's options or nothing, and reads
// the address of the shim's socket: alone in version 1.6, and from 1.7 also in
// JSON, which says more than the address only for shims that no longer serve
// version 2 of the task API. Ours does (see taskv2.go).

// maxInput bounds what is read from standard input, as in containerd's library.
const maxInput = 10 << 20

// startCall is a call that starts a shim.
type startCall struct{ launch.Call }

// parseStart reads the arguments of a call; false: it is for something else
// than a start.
func parseStart(args []string) (startCall, bool) {
	c, ok := launch.ParseCall(args)
	return startCall{c}, ok && c.Action == "start"
}

// isBootstrap tells whether input is a bootstrap message for the call. The
// options that older versions write can be mistaken for one, but then it speaks
// of another container: the ID is the name of their type.
func (c startCall) isBootstrap(input []byte) bool {
	var p bootapi.BootstrapParams
	return proto.Unmarshal(input, &p) == nil && p.InstanceID == c.ID && p.Namespace == c.Namespace
}

// bootstrap is the message that says what an older containerd has said.
func (c startCall) bootstrap(input []byte) (*bootapi.BootstrapParams, error) {
	p := &bootapi.BootstrapParams{
		InstanceID:             c.ID,
		Namespace:              c.Namespace,
		ContainerdGrpcAddress:  c.Address,
		ContainerdTtrpcAddress: os.Getenv("TTRPC_ADDRESS"),
		ContainerdBinary:       c.Binary,
	}
	if c.Debug {
		p.LogLevel = bootapi.LogLevel_LOG_LEVEL_DEBUG
	}
	if len(input) == 0 {
		return p, nil
	}
	var options anypb.Any
	if err := proto.Unmarshal(input, &options); err != nil {
		return nil, fmt.Errorf("reading the runtime's options: %w", err)
	}
	return p, p.AddExtension(&options)
}

// startForOlder serves the call of a containerd before version 2.3 that starts a
// shim; false: the call is another, and standard input is as it was.
func startForOlder(ctx context.Context, shim ctrd.Shim) (bool, error) {
	call, ok := parseStart(os.Args[1:])
	if !ok {
		return false, nil
	}
	input, err := io.ReadAll(io.LimitReader(os.Stdin, maxInput))
	if err != nil {
		return false, fmt.Errorf("reading standard input: %w", err)
	}
	if call.isBootstrap(input) {
		return false, launch.RestoreInput(input)
	}
	params, err := call.bootstrap(input)
	if err != nil {
		return true, err
	}
	result, err := shim.Start(namespaces.WithNamespace(ctx, call.Namespace), params)
	if err != nil {
		return true, err
	}
	_, err = fmt.Print(result.Address)
	return true, err
}
