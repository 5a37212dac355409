package shim

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// hearHangups has the shim hear SIGHUP and do nothing about it. Who was started
// under nohup ignores it, and what it starts would inherit that; what is heard is
// again as it should be for what is started.
func hearHangups() { signal.Notify(make(chan os.Signal, 1), unix.SIGHUP) }
