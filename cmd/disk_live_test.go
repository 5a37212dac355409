//go:build live

package cmd_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// smalldisk makes the root folder a small file system of its own.
func smallDisk(ts *testscript.TestScript, neg bool, args []string) {
	root := layout(ts).Root
	ts.Check(os.MkdirAll(root, 0o700))
	ts.Check(syscall.Mount("tmpfs", root, "tmpfs", 0, "size=32m"))
	ts.Defer(func() { ts.Check(syscall.Unmount(root, syscall.MNT_DETACH)) })
}

func filler(ts *testscript.TestScript) string { return filepath.Join(layout(ts).Root, "filler") }

// fill leaves no room on the small disk.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.Create(filler(ts))
	ts.Check(err)
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		ts.Fatalf("filling the disk: %v", err)
	}
}

func unfill(ts *testscript.TestScript, neg bool, args []string) { ts.Check(os.Remove(filler(ts))) }
