package transfer_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gocompose/gocompose/transfer"
)

// FuzzUnpack unpacks any bytes beside a file that has to stay as it is.
func FuzzUnpack(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../outside"},
		{Name: "l/file", Typeflag: tar.TypeReg},
		{Name: "h", Typeflag: tar.TypeLink, Linkname: "../outside"},
		{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755},
	} {
		if err := w.WriteHeader(&h); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		root := filepath.Join(dir, "root")
		outside := filepath.Join(dir, "outside")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(outside, []byte("as it is"), 0o600); err != nil {
			t.Fatal(err)
		}
		before := lstat(t, outside)
		rules := mine()
		rules.Foreign = true
		// A few bytes can say that a file is as large as a disk.
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_ = transfer.Unpack(ctx, io.LimitReader(bytes.NewReader(data), 1<<20), transfer.Place{Root: open(t, root), Path: "/"}, rules)
		after := lstat(t, outside)
		if got, err := os.ReadFile(outside); err != nil || string(got) != "as it is" || after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) {
			t.Errorf("outside was changed: %q, %v", got, err)
		}
		if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
			t.Errorf("outside there is %v, %v", all, err)
		}
	})
}

// FuzzPaths reads any path of a root with links out of it.
func FuzzPaths(f *testing.F) {
	for _, p := range []string{"", "/", ".", "..", "a/..", "a/.", "//x//", "out/secret", "in/../../secret", "./.", "../."} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		outside, check := secret(t)
		root := tree(t, "a/file", "out -> "+outside, "in -> a", "up -> ../../..")
		var b bytes.Buffer
		_ = transfer.Pack(&b, transfer.Source{Place: transfer.Place{Root: open(t, root), Path: path}, Follow: true})
		if bytes.Contains([]byte(contents(t, &b)), []byte("secret\n")) {
			t.Errorf("%q was read outside", path)
		}
		source := tree(t, "evil")
		_ = transfer.Copy(t.Context(), transfer.Source{Place: transfer.Place{Root: open(t, source), Path: "evil"}}, transfer.Place{Root: open(t, root), Path: path}, mine())
		check()
	})
}
