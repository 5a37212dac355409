package shim

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	bootapi "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	ctrd "github.com/containerd/containerd/v2/pkg/shim"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Since version 2.3, containerd writes what a new shim needs to its standard
// input, as a bootstrap message, and reads one as its answer. Before, it gives
// arguments and environment, writes the runtime's options or nothing, and reads
// the address of the shim's socket: alone in version 1.6, and from 1.7 also in
// JSON, which says more than the address only for shims that no longer serve
// version 2 of the task API. Ours does (see taskv2.go).

// maxInput bounds what is read from standard input, as in containerd's library.
const maxInput = 10 << 20

// startCall is what the arguments of a call say that starts a shim.
type startCall struct {
	id, namespace, address, binary string
	debug                          bool
}

// parseStart reads the arguments of a call; false: it is for something else
// than a start.
func parseStart(args []string) (startCall, bool) {
	var c startCall
	f := flag.NewFlagSet("", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&c.id, "id", "", "")
	f.StringVar(&c.namespace, "namespace", "", "")
	f.StringVar(&c.address, "address", "", "")
	f.StringVar(&c.binary, "publish-binary", "", "")
	f.BoolVar(&c.debug, "debug", false, "")
	_ = f.String("bundle", "", "") // not for a start, but no error
	if err := f.Parse(args); err != nil {
		return startCall{}, false // the library knows what to say
	}
	return c, f.Arg(0) == "start" && c.id != "" && c.namespace != ""
}

// isBootstrap tells whether input is a bootstrap message for the call. The
// options that older versions write can be mistaken for one, but then it speaks
// of another container: the ID is the name of their type.
func (c startCall) isBootstrap(input []byte) bool {
	var p bootapi.BootstrapParams
	return proto.Unmarshal(input, &p) == nil && p.InstanceID == c.id && p.Namespace == c.namespace
}

// bootstrap is the message that says what an older containerd has said.
func (c startCall) bootstrap(input []byte) (*bootapi.BootstrapParams, error) {
	p := &bootapi.BootstrapParams{
		InstanceID:             c.id,
		Namespace:              c.namespace,
		ContainerdGrpcAddress:  c.address,
		ContainerdTtrpcAddress: os.Getenv("TTRPC_ADDRESS"),
		ContainerdBinary:       c.binary,
	}
	if c.debug {
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
		return false, restoreInput(input)
	}
	params, err := call.bootstrap(input)
	if err != nil {
		return true, err
	}
	result, err := shim.Start(namespaces.WithNamespace(ctx, call.namespace), params)
	if err != nil {
		return true, err
	}
	_, err = fmt.Print(result.Address)
	return true, err
}

// restoreInput makes input readable once more, for containerd's library.
func restoreInput(input []byte) error {
	fd, err := unix.MemfdCreate("input", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("making a file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), "input")
	_, err = file.Write(input)
	_, seekErr := file.Seek(0, io.SeekStart)
	if err := errors.Join(err, seekErr); err != nil {
		return errors.Join(err, file.Close())
	}
	os.Stdin = file
	return nil
}
