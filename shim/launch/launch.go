// Package launch answers the calls that containerd makes of a shim's binary for
// every container, without the libraries that a serving shim needs: to load
// those takes several times as long as what is to be done.
//
// It starts shims, and says how a container has ended that was deleted. All
// that is not usual it leaves to the shim's own program, with the same
// arguments and input.
package launch

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Program is the name of the shim's own program, beside the running one.
const Program = "gocompose-shim"

// maxInput bounds what is read from standard input, as in containerd's library.
const maxInput = 10 << 20

// errUnusual is for what Program has to do.
var errUnusual = errors.New("not done here")

// Call is what the arguments of a call of the binary say.
type Call struct {
	Action  string // "start", "delete"; empty to serve
	ID      string // of the container
	Address string // of containerd's gRPC socket
	Binary  string // containerd's, to publish events with
	// Namespace is containerd's, of the container.
	Namespace string
	Debug     bool
}

// ParseCall reads the arguments of a call that starts or deletes a shim; false:
// it is for something else.
func ParseCall(args []string) (Call, bool) {
	var c Call
	f := flag.NewFlagSet("", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&c.ID, "id", "", "")
	f.StringVar(&c.Namespace, "namespace", "", "")
	f.StringVar(&c.Address, "address", "", "")
	f.StringVar(&c.Binary, "publish-binary", "", "")
	f.BoolVar(&c.Debug, "debug", false, "")
	_ = f.String("bundle", "", "") // the working directory in both
	if err := f.Parse(args); err != nil {
		return Call{}, false // the library knows what to say
	}
	c.Action = f.Arg(0)
	return c, (c.Action == "start" || c.Action == "delete") && c.ID != "" && c.Namespace != ""
}

// Run serves the call of the process's arguments.
func Run() error {
	call, ok := ParseCall(os.Args[1:])
	if !ok {
		return handOn()
	}
	var answer []byte
	var err error
	switch call.Action {
	case "start":
		answer, err = call.startFrom(os.Stdin)
	default:
		answer, err = call.delete()
	}
	if errors.Is(err, errUnusual) {
		return handOn()
	}
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(answer)
	return err
}

// startFrom starts a shim as the bootstrap message in a file says. If it is
// unusual, the process's standard input can be read once more.
func (c Call) startFrom(file *os.File) ([]byte, error) {
	input, err := io.ReadAll(io.LimitReader(file, maxInput))
	if err != nil {
		return nil, fmt.Errorf("reading standard input: %w", err)
	}
	answer, err := c.start(input)
	if errors.Is(err, errUnusual) {
		if rerr := RestoreInput(input); rerr != nil {
			return nil, rerr
		}
	}
	return answer, err
}

// RestoreInput makes input the standard input.
func RestoreInput(input []byte) error {
	fd, err := unix.MemfdCreate("input", 0)
	if err != nil {
		return fmt.Errorf("making a file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), "input")
	_, err = file.Write(input)
	_, seekErr := file.Seek(0, io.SeekStart)
	if err := errors.Join(err, seekErr, unix.Dup3(fd, 0, 0)); err != nil {
		return fmt.Errorf("restoring standard input: %w", err)
	}
	return file.Close()
}

// handOn makes this process one of Program.
func handOn() error {
	path, err := program()
	if err != nil {
		return err
	}
	return fmt.Errorf("running %s: %w", path, unix.Exec(path, append([]string{path}, os.Args[1:]...), os.Environ()))
}

func program() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(self), Program), nil
}
