package launch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// AddressFile is the file in a task's bundle with the address of its shim.
	// Before version 1.7 containerd finds running shims by it when it starts
	// again.
	AddressFile = "address"
	// socketDirLink is a link in the bundle to the folder of the sockets, for
	// the shim to remove its own at the end. The name is the library's.
	socketDirLink = "s"
	// defaultSocketDir is containerd's, for shims that are told of none.
	defaultSocketDir = "/run/containerd/s"
	// scheme is what addresses of sockets begin with.
	scheme = "unix://"
	// backlog is more than containerd asks for at a time.
	backlog = 128
	// maxOOMScore is the kernel's.
	maxOOMScore = 1000
)

// groups are the annotations by which containers share a shim.
var groups = []string{`"io.containerd.runc.v2.group"`, `"io.kubernetes.cri.sandbox-id"`}

// start starts the shim of the task whose bundle is the working directory, and
// returns what containerd is told. It does what containerd's manager of runc
// shims does, where nothing unusual is asked for.
func (c Call) start(input []byte) ([]byte, error) {
	p, ok := readParams(input)
	if !ok || p.id != c.ID || p.namespace != c.Namespace { // an older containerd's
		return nil, errUnusual
	}
	config, err := os.ReadFile("config.json")
	if err != nil || c.unusual(p, config) {
		return nil, errUnusual
	}
	dir := p.socketDir
	if dir == "" {
		dir = defaultSocketDir
	}
	name := sha256.Sum256([]byte(filepath.Join(p.address, c.Namespace, c.ID)))
	socket := fmt.Sprintf("%s/%x", dir, name)
	listener, err := listen(socket)
	if err != nil {
		return nil, errUnusual // perhaps one is there that serves, or has died
	}
	defer listener.Close()
	address := scheme + socket
	if err := c.serve(p, address, listener); err != nil {
		return nil, errors.Join(err, os.Remove(socket))
	}
	return started(address), nil
}

func (c Call) unusual(p params, config []byte) bool {
	for _, g := range groups {
		if bytes.Contains(config, []byte(g)) {
			return true
		}
	}
	return c.Debug || p.logLevel <= logLevelDebug || p.inCgroup || os.Getenv("SCHED_CORE") != ""
}

// listen makes a socket that only its owner can use.
func listen(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), path)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := errors.Join(os.Chmod(path, 0o600), unix.Listen(fd, backlog)); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path))
	}
	return file, nil
}

// serve starts the program that serves on a socket.
func (c Call) serve(p params, address string, listener *os.File) error {
	// Before there is a shim, which would stay if this failed.
	if p.socketDir != "" {
		if err := os.Remove(socketDirLink); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Symlink(p.socketDir, socketDirLink); err != nil {
			return err
		}
	}
	if err := WriteAddress(address); err != nil {
		return err
	}
	if err := raiseOOMScore(); err != nil {
		return fmt.Errorf("setting the shim's OOM score: %w", err)
	}
	path, err := program()
	if err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	shim, err := os.StartProcess(path, []string{path, "-namespace", c.Namespace, "-id", c.ID, "-address", p.address},
		&os.ProcAttr{
			Files: []*os.File{null, null, null, listener},
			Sys:   &syscall.SysProcAttr{Setpgid: true},
		})
	if err != nil {
		return fmt.Errorf("starting the shim: %w; it belongs beside %s", err, filepath.Base(os.Args[0]))
	}
	return shim.Release()
}

// WriteAddress writes the address of a shim into the bundle that is the working
// directory.
func WriteAddress(address string) error {
	if err := os.WriteFile(AddressFile, []byte(address), 0o600); err != nil {
		return fmt.Errorf("writing the shim's address: %w", err)
	}
	return nil
}

// raiseOOMScore makes this process, and so the shim that it starts, go before
// containerd when memory is short.
func raiseOOMScore() error {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(os.Getppid()) + "/oom_score_adj")
	if err != nil {
		return err
	}
	score, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return err
	}
	err = os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(min(score+1, maxOOMScore))), 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil // in a user namespace
	}
	return err
}
