// Package livetest is what tests on a real containerd share: tiny images made
// in process, a registry on loopback, and the search for what is left behind.
package livetest

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// busyboxPath is where Debian's busybox-static lies.
const busyboxPath = "/bin/busybox"

// File is one file of an image. Content is nil for a folder.
type File struct {
	Path    string // without the leading slash
	Mode    int64
	Content []byte
	Link    string // a symbolic link's target
	UID     int
}

// applets are the commands of busybox that scripts use.
var applets = []string{
	"sh", "cat", "echo", "env", "false", "grep", "hostname", "httpd", "id", "ip", "ls", "mkdir", "mount", "nc", "nslookup",
	"printf", "ps", "pwd", "sleep", "stat", "touch", "true", "ulimit", "wget", "yes", "kill", "tail", "head", "seq", "df", "wc", "id", "test", "sync", "date", "trap", "rm",
}

// Busybox returns an image with a shell and some commands, and the given files
// and configuration on top.
func Busybox(config v1.Config, files ...File) (v1.Image, error) {
	bin, err := os.ReadFile(busyboxPath)
	if err != nil {
		return nil, err
	}
	base := []File{
		{Path: "bin/", Mode: 0o755}, {Path: "bin/busybox", Mode: 0o755, Content: bin},
		{Path: "etc/", Mode: 0o755}, {Path: "tmp/", Mode: 0o1777}, {Path: "root/", Mode: 0o700},
		{Path: "etc/passwd", Mode: 0o644, Content: []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nuser:x:1000:1000::/:/bin/sh\n")},
		{Path: "etc/group", Mode: 0o644, Content: []byte("root:x:0:\nuser:x:1000:\nextra:x:2000:user\nnogroup:x:65534:\n")},
	}
	for _, a := range applets {
		base = append(base, File{Path: "bin/" + a, Link: "busybox"})
	}
	if len(config.Env) == 0 {
		config.Env = []string{"PATH=/bin"}
	}
	return Image(config, base, files)
}

// Image returns an image of the given layers.
func Image(config v1.Config, layers ...[]File) (v1.Image, error) {
	img := empty.Image
	for _, files := range layers {
		if len(files) == 0 {
			continue
		}
		data, err := Pack(files)
		if err != nil {
			return nil, err
		}
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data)), nil
		})
		if err != nil {
			return nil, err
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			return nil, err
		}
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cf = cf.DeepCopy()
	cf.Config, cf.OS, cf.Architecture = config, "linux", runtime.GOARCH
	return mutate.ConfigFile(img, cf)
}

// Pack returns an archive of files.
func Pack(files []File) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	seen := map[string]bool{}
	for _, f := range files {
		if seen[f.Path] {
			continue
		}
		seen[f.Path] = true
		h := &tar.Header{Name: f.Path, Mode: f.Mode, Size: int64(len(f.Content)), Uid: f.UID, Gid: f.UID, Typeflag: tar.TypeReg}
		switch {
		case f.Link != "":
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Link, 0o777
		case f.Path[len(f.Path)-1] == '/':
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.Content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return buf.Bytes(), err
}
