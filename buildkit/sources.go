package buildkit

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/session/upload/uploadprovider"
	"github.com/moby/buildkit/util/staticfs"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
	"golang.org/x/sys/unix"
)

// The names by which the frontend asks for its sources.
const (
	contextName    = "context"
	dockerfileName = "dockerfile"
)

// sources are the context and the Dockerfile.
func (s *solve) sources(r Request) error {
	b := r.Build
	switch {
	case b.Context == "-":
		if err := s.standardInput(r); err != nil {
			return err
		}
	case !filepath.IsAbs(b.Context):
		s.attrs[contextName] = b.Context // buildkitd fetches it
	default:
		folder, err := openFolder(b.Context)
		if err != nil {
			return fmt.Errorf("build.context: %w", err)
		}
		s.folders[contextName] = folder
		// What was sent of this folder before is the beginning of what is sent now.
		sum := sha256.Sum256([]byte(b.Context))
		s.sharedKey = hex.EncodeToString(sum[:])
	}
	return s.dockerfile(r)
}

// dockerfile is the text, or a file of this host, or one that is in a context that comes
// from elsewhere.
func (s *solve) dockerfile(r Request) error {
	b := r.Build
	switch {
	case b.Inline != "":
		s.ownDockerfile([]byte(b.Inline))
	case filepath.IsAbs(b.Dockerfile):
		if _, err := os.Stat(b.Dockerfile); err != nil {
			return fmt.Errorf("build.dockerfile: %w", missing(err, b.Dockerfile))
		}
		folder, err := fsutil.NewFS(filepath.Dir(b.Dockerfile))
		if err != nil {
			return err
		}
		s.folders[dockerfileName] = folder
		s.attrs["filename"] = filepath.Base(b.Dockerfile)
		s.attrs["dockerfilekey"] = dockerfileName
	case b.Dockerfile != "" && s.folders[dockerfileName] == nil:
		s.attrs["filename"] = b.Dockerfile
	}
	return nil
}

// ownDockerfile is one that is not a file.
func (s *solve) ownDockerfile(text []byte) {
	s.folders[dockerfileName] = oneFile("Dockerfile", text)
	s.attrs["filename"] = "Dockerfile"
	s.attrs["dockerfilekey"] = dockerfileName
}

func oneFile(name string, data []byte) fsutil.FS {
	files := staticfs.NewFS()
	files.Add(name, &types.Stat{Mode: 0o644}, data)
	return files
}

// standardInput is an archive, or a Dockerfile that has no context.
func (s *solve) standardInput(r Request) error {
	if r.Stdin == nil {
		return errors.New("build.context is \"-\", and there is no standard input to read it from")
	}
	if f, ok := r.Stdin.(*os.File); ok && terminal(f) {
		return errors.New("build.context is \"-\", and standard input is a terminal: send an archive or a Dockerfile into it")
	}
	in := bufio.NewReaderSize(r.Stdin, archiveBlock)
	begin, err := in.Peek(archiveBlock)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the context from standard input: %w", err)
	}
	switch {
	case len(begin) == 0:
		return errors.New("reading the context from standard input: it is empty, and must be an archive or a Dockerfile")
	case isArchive(begin):
		up := uploadprovider.New()
		s.attrs[contextName] = up.Add(io.NopCloser(in))
		s.session = append(s.session, up)
		return nil
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("reading the Dockerfile from standard input: %w", err)
	}
	s.folders[contextName] = staticfs.NewFS()
	s.ownDockerfile(text)
	return nil
}

// terminal tells whether f is one. A pipe is left as it is: with its descriptor known it could
// not be closed while it is read.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	_, err = unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

const archiveBlock = 512 // what a header of a tar archive takes

func isArchive(begin []byte) bool {
	for _, magic := range []string{"\x1f\x8b\x08", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(begin, []byte(magic)) {
			return true
		}
	}
	_, err := tar.NewReader(bytes.NewReader(begin)).Next()
	return err == nil
}

func openFolder(path string) (fsutil.FS, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, missing(err, path)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", path)
	}
	return fsutil.NewFS(path)
}

func missing(err error, path string) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s does not exist", path)
	}
	return err
}
