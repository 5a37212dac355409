package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// probeTimeout bounds the wait for an answer of one that has accepted.
const probeTimeout = 2 * time.Second

// preface is how an HTTP/2 client begins: the magic line and an empty SETTINGS
// frame (RFC 9113, sections 3.4 and 4.1).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// Probe returns nil when a gRPC server answers at the socket, and the ID of the
// process that listens, 0 when it cannot be told. That the socket can be
// connected to says little: the kernel accepts for a process that hangs.
func Probe(ctx context.Context, socket string) (pid int, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	pid, err = listener(conn.(*net.UnixConn))
	if err != nil {
		return 0, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return pid, err
		}
	}
	if _, err := io.WriteString(conn, preface); err != nil {
		return pid, err
	}
	return pid, readSettings(conn)
}

// readSettings reads the header of the server's first frame, which is SETTINGS
// on stream 0 (RFC 9113, section 3.4).
func readSettings(r io.Reader) error {
	const typeSettings = 4
	var head [9]byte // length: 3 bytes, type: 1, flags: 1, stream: 4
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return fmt.Errorf("waiting for an answer: %w", err)
	}
	if head[3] != typeSettings || [4]byte(head[5:]) != [4]byte{} {
		return errors.New("what answers does not speak gRPC")
	}
	return nil
}

// listener returns the ID of the process that listens at the other end: the one
// that called listen(2) (unix(7), SO_PEERCRED).
func listener(conn *net.UnixConn) (pid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, credErr); err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}
