package attach

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// hangUpLook is how often a client whose input the container does not read is looked
// at whether it is there.
const hangUpLook = time.Second

var errHungUp = errors.New("the client is gone")

// inputWriter writes what one client sends to standard input.
type inputWriter struct {
	conn  *net.UnixConn
	input Input
	file  InputWriter // nil: nothing was written yet
	none  bool        // there is no standard input, or it has ended
}

// write writes all of p, or throws it away where there is no standard input. An error
// is that the client is gone.
func (w *inputWriter) write(p []byte) error {
	if w.file == nil && !w.none {
		var err error
		w.file, err = w.input.Open()
		w.none = err != nil // which the log of the shim need not know: see Input
	}
	for len(p) > 0 && !w.none {
		_ = w.file.SetWriteDeadline(time.Now().Add(hangUpLook))
		n, err := w.file.Write(p)
		p = p[n:]
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if hungUp(w.conn) {
				return errHungUp
			}
		case errors.Is(err, fs.ErrClosed), err != nil:
			w.none = true
		}
	}
	return nil
}

func (w *inputWriter) close() {
	if w.file != nil {
		_ = w.file.Close()
	}
}

// hungUp tells whether the other side is gone, though it may have left something to
// be read.
func hungUp(conn *net.UnixConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		look := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		_, _ = unix.Poll(look, 0)
		gone = look[0].Revents&(unix.POLLHUP|unix.POLLRDHUP|unix.POLLERR) != 0
	})
	return gone || err != nil
}
