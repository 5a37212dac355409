package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/gocompose/gocompose/containerd/images"
)

// The media types and annotations of docker compose's artifacts.
const (
	ApplicationType = "application/vnd.docker.compose.project"
	FileType        = "application/vnd.docker.compose.file+yaml"
	EnvType         = "application/vnd.docker.compose.envfile"
	EmptyType       = "application/vnd.docker.compose.config.empty.v1+json"

	VersionNote = "com.docker.compose.version"
	FileNote    = "com.docker.compose.file"
	ExtendsNote = "com.docker.compose.extends"
	EnvNote     = "com.docker.compose.envfile"
)

// mainFile has the files that are laid over each other, in their order, as documents.
const mainFile = "compose.yaml"

// artifact returns the copy of a published application. One that is named by its digest is
// not asked for when it is here.
func (f *Files) artifact(ctx context.Context, r ref) (Copy, error) {
	named, err := reference.ParseNormalizedNamed(r.where)
	if err != nil {
		return Copy{}, err
	}
	pinned, ok := named.(reference.Canonical)
	if !ok {
		id, err := images.Resolve(ctx, r.where, f.Registry)
		if err != nil {
			return Copy{}, err
		}
		if pinned, err = reference.WithDigest(named, digest.Digest(id)); err != nil {
			return Copy{}, err
		}
	}
	id := pinned.Digest()
	dir, err := f.keep(ctx, "oci", id.Algorithm().String()+"-"+id.Encoded(), func(dir string) error {
		a, err := images.FetchArtifact(ctx, pinned.String(), ApplicationType, EmptyType, f.Registry)
		if err != nil {
			return err
		}
		for _, folder := range []string{filesFolder, mountsFolder} {
			if err := unpack(a, filepath.Join(dir, folder)); err != nil {
				return fmt.Errorf("%s: %w", r.where, err)
			}
		}
		return nil
	})
	if err != nil {
		return Copy{}, err
	}
	c := copyAt(dir, mainFile)
	c.Pinned, c.Source = ociScheme+pinned.String(), ociScheme+reference.TrimNamed(named).String()
	return c, nil
}

// unpack writes the files of an artifact into an empty folder.
func unpack(a images.Artifact, dir string) error {
	var main bytes.Buffer
	written := map[string][]byte{mainFile: nil}
	for _, l := range a.Layers {
		name := ""
		switch l.MediaType {
		case FileType:
			if _, extended := l.Annotations[ExtendsNote]; !extended {
				if main.Len() > 0 {
					main.WriteString("\n---\n")
				}
				main.Write(l.Content)
				continue
			}
			name = l.Annotations[FileNote]
		case EnvType:
			name = l.Annotations[EnvNote]
		default:
			continue // as the next version may have
		}
		if err := plainName(name); err != nil {
			return err
		}
		if other, ok := written[name]; ok && !bytes.Equal(other, l.Content) {
			return fmt.Errorf("the artifact has two files %q", name)
		}
		written[name] = l.Content
		if err := os.WriteFile(filepath.Join(dir, name), l.Content, 0o644); err != nil {
			return err
		}
	}
	if main.Len() == 0 {
		return errors.New("the artifact has no Compose file")
	}
	return os.WriteFile(filepath.Join(dir, mainFile), main.Bytes(), 0o644)
}

// plainName refuses names that are those of no file in one folder.
func plainName(name string) error {
	if !filepath.IsLocal(name) || strings.ContainsAny(name, "/\\\x00") || name == "." {
		return fmt.Errorf("the artifact has a file %q, which is no name of one in its folder", name)
	}
	return nil
}
