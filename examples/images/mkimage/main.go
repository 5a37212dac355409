// Command mkimage makes an image archive, as docker save writes it, from
// folders that each hold:
//
//	image.json   the image's configuration, in the form of the OCI image specification's "config"
//	rootfs/      files laid over the base, if any
//
// and from base archives of a root file system, as mmdebstrap writes them:
//
//	mkimage -o out.tar -tag shop/nginx:1 -base nginx.tar examples/images/nginx
package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func main() {
	out := flag.String("o", "", "archive to write")
	tag := flag.String("tag", "", "name of the image")
	base := flag.String("base", "", "tar of the root file system to begin with; none: an empty one")
	flag.Parse()
	if err := run(*out, *tag, *base, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func run(out, tag, base, dir string) error {
	if out == "" || tag == "" || dir == "" {
		return errors.New("usage: mkimage -o OUT -tag NAME [-base ROOTFS.tar] FOLDER")
	}
	ref, err := name.NewTag(tag)
	if err != nil {
		return err
	}
	layers, err := layers(base, filepath.Join(dir, "rootfs"))
	if err != nil {
		return err
	}
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		return err
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return err
	}
	cf = cf.DeepCopy()
	data, err := os.ReadFile(filepath.Join(dir, "image.json"))
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&cf.Config); err != nil {
		return fmt.Errorf("reading %s/image.json: %w", dir, err)
	}
	cf.OS, cf.Architecture = "linux", runtime.GOARCH
	if img, err = mutate.ConfigFile(img, cf); err != nil {
		return err
	}
	tmp := out + ".new"
	if err := tarball.WriteToFile(tmp, ref, img); err != nil {
		return err
	}
	return os.Rename(tmp, out)
}

func layers(base, rootfs string) ([]v1.Layer, error) {
	var ls []v1.Layer
	if base != "" {
		l, err := tarball.LayerFromFile(base, tarball.WithCompressionLevel(1))
		if err != nil {
			return nil, err
		}
		ls = append(ls, l)
	}
	data, err := pack(rootfs)
	if err != nil || data == nil {
		return ls, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	})
	return append(ls, l), err
}

// pack makes a tar of dir whose bytes depend on names, modes and contents only.
func pack(dir string) ([]byte, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return add(w, path, rel)
	})
	return buf.Bytes(), errors.Join(err, w.Close())
}

func add(w *tar.Writer, path, rel string) error {
	fi, err := os.Lstat(path)
	if err != nil {
		return err
	}
	link := ""
	if fi.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(fi, link)
	if err != nil {
		return err
	}
	h.Name, h.ModTime = rel, time.Unix(0, 0)
	h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
	if fi.IsDir() {
		h.Name += "/"
	}
	if err := w.WriteHeader(h); err != nil || !fi.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, f.Close())
}
