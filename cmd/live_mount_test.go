//go:build live

package cmd_test

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// hostmount tmpfs DIR mounts memory on a folder of the host, which it makes;
// hostmount shared DIR makes the folder a mount that is shared, hostmount private
// DIR one that is not. They go with the script, the last first.
func hostMount(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o755))
	kinds := map[string]uintptr{"shared": unix.MS_SHARED, "private": unix.MS_PRIVATE}
	if args[0] == "tmpfs" {
		ts.Check(unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"))
	} else {
		ts.Check(unix.Mount(dir, dir, "", unix.MS_BIND, ""))
		ts.Check(unix.Mount("", dir, "", kinds[args[0]], ""))
	}
	ts.Defer(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}
