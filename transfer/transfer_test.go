package transfer_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gocompose/gocompose/transfer"
)

// tree makes files in a new folder: "name/" is a folder, "name -> target" a link,
// "name = name" a hard link, and anything else a file with its name as content.
func tree(t *testing.T, entries ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, e := range entries {
		name, target, link := strings.Cut(e, " -> ")
		hard, of, isHard := strings.Cut(e, " = ")
		at := filepath.Join(dir, name)
		var err error
		switch {
		case link:
			err = os.Symlink(target, at)
		case isHard:
			err = os.Link(filepath.Join(dir, of), filepath.Join(dir, hard))
		case strings.HasSuffix(e, "/"):
			err = os.MkdirAll(at, 0o755)
		default:
			if err = os.MkdirAll(filepath.Dir(at), 0o755); err == nil {
				err = os.WriteFile(at, []byte(e), 0o640)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// list is what is below a folder, as tree takes it; a file whose content is not
// its name is "name: content".
func list(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		switch {
		case d.IsDir():
			name += "/"
		case d.Type() == fs.ModeSymlink:
			var target string
			target, err = os.Readlink(path)
			name += " -> " + target
		case d.Type().IsRegular():
			var content []byte
			content, err = os.ReadFile(path)
			name += ": " + string(content)
		}
		out = append(out, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func open(t *testing.T, dir string) *os.File {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func mine() transfer.Rules {
	return transfer.Rules{Owner: transfer.Owner{UID: os.Getuid(), GID: os.Getgid()}}
}

func TestCopyFollowsTheRulesOfDockerCp(t *testing.T) {
	source := []string{"file", "dir/inner", "dir/sub/deep", "link -> file", "dirlink -> dir", "empty/"}
	dest := []string{"there/", "afile", "tolink -> there", "filelink -> afile", "dangling -> there/new"}
	for _, c := range []struct {
		from, to string
		follow   bool
		want     []string // what is new or other in the destination
		err      error
	}{
		{from: "file", to: "new", want: []string{"new: file"}},
		{from: "file", to: "new/", err: transfer.ErrNoFolder},
		{from: "file", to: "no/new", err: fs.ErrNotExist},
		{from: "file", to: "there", want: []string{"there/file: file"}},
		{from: "file", to: "there/", want: []string{"there/file: file"}},
		{from: "file", to: "there/.", want: []string{"there/file: file"}},
		{from: "file", to: "/", want: []string{"file: file"}},
		{from: "file", to: "", want: []string{"file: file"}},
		{from: "file", to: "there/..", want: []string{"file: file"}},
		{from: "file", to: "tolink", want: []string{"there/file: file"}},
		{from: "file", to: "afile", want: []string{"afile: file"}},
		{from: "file", to: "filelink", want: []string{"afile: file"}},
		{from: "file", to: "dangling", want: []string{"there/new: file"}},
		{from: "file", to: "afile/", err: syscall.ENOTDIR},
		{from: "file/", to: "new", err: syscall.ENOTDIR},
		{from: "file/.", to: "new", err: syscall.ENOTDIR},
		{from: "nothing", to: "new", err: fs.ErrNotExist},
		{from: "dir", to: "new", want: []string{"new/", "new/inner: dir/inner", "new/sub/", "new/sub/deep: dir/sub/deep"}},
		{from: "dir", to: "new/", want: []string{"new/", "new/inner: dir/inner", "new/sub/", "new/sub/deep: dir/sub/deep"}},
		{from: "dir/.", to: "new", want: []string{"new/", "new/inner: dir/inner", "new/sub/", "new/sub/deep: dir/sub/deep"}},
		{from: "dir", to: "there", want: []string{"there/dir/", "there/dir/inner: dir/inner", "there/dir/sub/", "there/dir/sub/deep: dir/sub/deep"}},
		{from: "dir/", to: "there", want: []string{"there/dir/", "there/dir/inner: dir/inner", "there/dir/sub/", "there/dir/sub/deep: dir/sub/deep"}},
		{from: "dir/.", to: "there", want: []string{"there/inner: dir/inner", "there/sub/", "there/sub/deep: dir/sub/deep"}},
		{from: "dir", to: "afile", err: transfer.ErrIntoFile},
		{from: "dir/.", to: "afile", err: transfer.ErrIntoFile},
		{from: "empty/.", to: "there"},
		{from: "link", to: "new", want: []string{"new -> file"}},
		{from: "link", to: "new", follow: true, want: []string{"new: file"}},
		{from: "link", to: "there", follow: true, want: []string{"there/link: file"}},
		{from: "dirlink", to: "new", want: []string{"new -> dir"}},
		{from: "dirlink/.", to: "new", want: []string{"new/", "new/inner: dir/inner", "new/sub/", "new/sub/deep: dir/sub/deep"}},
		{from: "dirlink", to: "there", follow: true, want: []string{"there/dirlink/", "there/dirlink/inner: dir/inner", "there/dirlink/sub/", "there/dirlink/sub/deep: dir/sub/deep"}},
	} {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			from, to := tree(t, source...), tree(t, dest...)
			before := list(t, to)
			err := transfer.Copy(t.Context(),
				transfer.Source{Place: transfer.Place{Root: open(t, from), Path: c.from}, Follow: c.follow},
				transfer.Place{Root: open(t, to), Path: c.to}, mine())
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			got := slices.DeleteFunc(list(t, to), func(e string) bool { return slices.Contains(before, e) })
			if !slices.Equal(got, c.want) {
				t.Errorf("new is %q, want %q", got, c.want)
			}
		})
	}
}

func TestCopyKeepsWhatFilesAre(t *testing.T) {
	from := tree(t, "dir/one", "dir/two = dir/one", "dir/sub/", "dir/script")
	then := time.Unix(1_000_000_000, 0)
	for name, mode := range map[string]os.FileMode{"dir/script": 0o755, "dir/sub": 0o700 | os.ModeSticky, "dir": 0o750} {
		if err := errors.Join(os.Chmod(filepath.Join(from, name), mode), os.Chtimes(filepath.Join(from, name), then, then)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(from, "dir/fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	big, err := os.Create(filepath.Join(from, "dir/sparse"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := big.WriteAt([]byte("end"), 64<<20); err != nil {
		t.Fatal(err)
	}
	if err := big.Close(); err != nil {
		t.Fatal(err)
	}
	to := tree(t)
	if err := transfer.Copy(t.Context(), transfer.Source{Place: transfer.Place{Root: open(t, from), Path: "dir"}}, transfer.Place{Root: open(t, to), Path: "dir"}, mine()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dir", "dir/script", "dir/sub", "dir/fifo"} {
		was, is := lstat(t, filepath.Join(from, name)), lstat(t, filepath.Join(to, name))
		if was.Mode() != is.Mode() || !was.ModTime().Equal(is.ModTime()) {
			t.Errorf("%s: %v of %v, want %v of %v", name, is.Mode(), is.ModTime(), was.Mode(), was.ModTime())
		}
	}
	if !os.SameFile(lstat(t, filepath.Join(to, "dir/one")), lstat(t, filepath.Join(to, "dir/two"))) {
		t.Error("two names of one file are two files")
	}
	sparse := lstat(t, filepath.Join(to, "dir/sparse"))
	if blocks := sparse.Sys().(*syscall.Stat_t).Blocks; sparse.Size() != 64<<20+3 || blocks > 1024 {
		t.Errorf("a sparse file has %d bytes in %d blocks", sparse.Size(), blocks)
	}
}

func lstat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	i, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// secret is outside of every root; no test may read or change it.
func secret(t *testing.T) (dir string, check func()) {
	dir = tree(t, "secret")
	return dir, func() {
		t.Helper()
		if got := list(t, dir); !slices.Equal(got, []string{"secret: secret"}) {
			t.Errorf("outside there is %q", got)
		}
	}
}

func TestNoLinkOfARootLeadsOut(t *testing.T) {
	outside, check := secret(t)
	up := strings.Repeat("../", 30) + outside[1:]
	for _, target := range []string{outside, up, outside + "/secret", up + "/secret"} {
		root := tree(t, "out -> "+target, "via -> out", "self -> /proc/self/root"+outside)
		for _, path := range []string{"out", "out/secret", "via/secret", "out/.", "/../../.." + outside + "/secret", "self/secret"} {
			var b bytes.Buffer
			_ = transfer.Pack(&b, transfer.Source{Place: transfer.Place{Root: open(t, root), Path: path}, Follow: true})
			if strings.Contains(contents(t, &b), "secret\n") {
				t.Errorf("%s with %s was read outside", path, target)
			}
			source := tree(t, "secret", "evil")
			for _, from := range []string{"evil", "."} {
				_ = transfer.Copy(t.Context(), transfer.Source{Place: transfer.Place{Root: open(t, source), Path: from}}, transfer.Place{Root: open(t, root), Path: path}, mine())
				check()
			}
			_ = transfer.Unpack(t.Context(), archive(t, tar.Header{Name: "secret", Typeflag: tar.TypeReg}), transfer.Place{Root: open(t, root), Path: path}, mine())
			_ = transfer.Remove(transfer.Place{Root: open(t, root), Path: path})
			check()
		}
	}
}

// contents are those of the regular files in an archive.
func contents(t *testing.T, r io.Reader) string {
	var out strings.Builder
	for a := tar.NewReader(r); ; {
		if _, err := a.Next(); err != nil {
			return out.String()
		}
		_, _ = io.Copy(&out, a)
		out.WriteString("\n")
	}
}

func archive(t *testing.T, headers ...tar.Header) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		h.Mode = 0o644
		if h.Typeflag == tar.TypeReg {
			h.Size = 4
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte("evil")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestNoEntryOfAnArchiveLeadsOut(t *testing.T) {
	outside, check := secret(t)
	for name, headers := range map[string][]tar.Header{
		"a name that goes up":    {{Name: "../secret", Typeflag: tar.TypeReg}},
		"a name inside and up":   {{Name: "a/../../secret", Typeflag: tar.TypeReg}},
		"an absolute name":       {{Name: outside + "/secret", Typeflag: tar.TypeReg}},
		"through a link":         {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "l/secret", Typeflag: tar.TypeReg}},
		"through a link upwards": {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../../../../../../../.." + outside}, {Name: "l/secret", Typeflag: tar.TypeReg}},
		"over a link":            {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: outside + "/secret"}, {Name: "l", Typeflag: tar.TypeReg}},
		"a hard link outside":    {{Name: "l", Typeflag: tar.TypeLink, Linkname: "../" + filepath.Base(outside) + "/secret"}, {Name: "l", Typeflag: tar.TypeReg}},
		"an absolute hard link":  {{Name: "l", Typeflag: tar.TypeLink, Linkname: outside + "/secret"}, {Name: "l", Typeflag: tar.TypeReg}},
		"a folder over a link":   {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "l", Typeflag: tar.TypeDir}, {Name: "l/secret", Typeflag: tar.TypeReg}},
	} {
		t.Run(name, func(t *testing.T) {
			rules := mine()
			rules.Foreign = true
			root := filepath.Join(filepath.Dir(outside), "root")
			if err := os.MkdirAll(root, 0o755); err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(root)
			_ = transfer.Unpack(t.Context(), archive(t, headers...), transfer.Place{Root: open(t, root), Path: "/"}, rules)
			check()
		})
	}
}

func TestNamesThatLeadOutAreRefused(t *testing.T) {
	for _, name := range []string{"../x", "a/../x", "a/.."} {
		to := tree(t)
		err := transfer.Unpack(t.Context(), archive(t, tar.Header{Name: name, Typeflag: tar.TypeReg}), transfer.Place{Root: open(t, to), Path: "/"}, mine())
		if err == nil || len(list(t, to)) > 0 {
			t.Errorf("%s: error %v, and there is %q", name, err, list(t, to))
		}
	}
}

func TestWhatComesFromAContainerHasNoRightsOnTheHost(t *testing.T) {
	headers := []tar.Header{{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}}
	var skipped []string
	rules := mine()
	rules.Foreign = true
	rules.Skipped = func(name, _ string) { skipped = append(skipped, name) }
	to := tree(t)
	if err := transfer.Unpack(t.Context(), archive(t, headers...), transfer.Place{Root: open(t, to), Path: "/"}, rules); err != nil {
		t.Fatal(err)
	}
	if got := list(t, to); len(got) > 0 || !slices.Equal(skipped, []string{"null"}) {
		t.Errorf("there is %q, and %q was skipped", got, skipped)
	}

	from := tree(t, "program")
	if err := os.Chmod(filepath.Join(from, "program"), 0o755|os.ModeSetuid|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		foreign, owners bool
		want            os.FileMode
	}{
		{true, false, 0o755},
		{true, true, 0o755 | os.ModeSetuid | os.ModeSetgid},
		{false, false, 0o755 | os.ModeSetuid | os.ModeSetgid},
	} {
		rules.Foreign, rules.Owners = c.foreign, c.owners
		source := transfer.Source{Place: transfer.Place{Root: open(t, from), Path: "program"}}
		if err := transfer.Copy(t.Context(), source, transfer.Place{Root: open(t, to), Path: "program"}, rules); err != nil {
			t.Fatal(err)
		}
		if got := lstat(t, filepath.Join(to, "program")).Mode(); got != c.want {
			t.Errorf("%+v: mode %v, want %v", c, got, c.want)
		}
	}
}

func TestUnpackReadsWhatOthersWrite(t *testing.T) {
	to := tree(t, "there/old")
	err := transfer.Unpack(t.Context(), archive(t, tar.Header{Name: "./a/b", Typeflag: tar.TypeReg}, tar.Header{Name: "a/c", Typeflag: tar.TypeLink, Linkname: "./a/b"}),
		transfer.Place{Root: open(t, to), Path: "there"}, mine())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"there/", "there/a/", "there/a/b: evil", "there/a/c: evil", "there/old: there/old"}
	if got := list(t, to); !slices.Equal(got, want) {
		t.Errorf("there is %q, want %q", got, want)
	}
	if err := transfer.Unpack(t.Context(), archive(t), transfer.Place{Root: open(t, to), Path: "no"}, mine()); !errors.Is(err, transfer.ErrNoFolder) {
		t.Errorf("into no folder: %v", err)
	}
	if err := transfer.Unpack(t.Context(), strings.NewReader("this is no archive, whatever it is"), transfer.Place{Root: open(t, to), Path: "/"}, mine()); err == nil {
		t.Error("no archive was unpacked")
	}
}

func TestRemove(t *testing.T) {
	root := tree(t, "dir/a/b", "keep", "link -> keep")
	for _, path := range []string{"dir", "link", "nothing", "no/thing"} {
		if err := transfer.Remove(transfer.Place{Root: open(t, root), Path: path}); err != nil {
			t.Error(err)
		}
	}
	if got := list(t, root); !slices.Equal(got, []string{"keep: keep"}) {
		t.Errorf("there is %q", got)
	}
	if err := transfer.Remove(transfer.Place{Root: open(t, root), Path: "/"}); err == nil {
		t.Error("the root was removed")
	}
}

// What cannot be made whole leaves nothing under the name that it has until then.
func TestWhatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	// The kernel lets no FIFO have such an attribute.
	from := archive(t, tar.Header{Typeflag: tar.TypeFifo, Name: "pipe", Mode: 0o600, PAXRecords: map[string]string{"SCHILY.xattr.user.x": "1"}})
	if err := transfer.Unpack(t.Context(), from, transfer.Place{Root: open(t, dir), Path: "/"}, mine()); err == nil {
		t.Error("it has been made")
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) > 0 {
		t.Errorf("%v is left: %v", all, err)
	}
}
