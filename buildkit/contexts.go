package buildkit

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/ociindex"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layouts are image layouts on this host that buildkitd reads through the session.
type layouts map[string]content.Store

// contexts are the further ones, that FROM, COPY --from and RUN --mount name.
func (s *solve) contexts(r Request) error {
	for _, name := range slices.Sorted(maps.Keys(r.Build.Contexts)) {
		known, err := contextKey(name)
		if err != nil {
			return fmt.Errorf("build.additional_contexts.%s: a name must be in small letters, as names of images are", name)
		}
		value, err := s.context(r, known, r.Build.Contexts[name])
		if err != nil {
			return fmt.Errorf("build.additional_contexts.%s: %w", name, err)
		}
		s.attrs["context:"+known] = value
	}
	return nil
}

// contextKey is the form in which the frontend looks for a name: "docker.io/library/alpine:latest"
// is alpine.
func contextKey(name string) (string, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(reference.FamiliarString(named), ":latest"), nil
}

func (s *solve) context(r Request, name, from string) (string, error) {
	kind, rest, _ := strings.Cut(from, ":")
	switch {
	case kind == "service":
		image := r.Images[rest]
		if image == "" {
			return "", fmt.Errorf("the image of service %s was not built", rest)
		}
		if r.Build.Pull && image != Scratch {
			s.pinned[name] = image
		}
		return "docker-image://" + image, nil
	case kind == "oci-layout":
		return s.layout(strings.TrimPrefix(rest, "//"))
	case !filepath.IsAbs(from):
		return from, nil // buildkitd fetches it
	}
	folder, err := openFolder(from)
	if err != nil {
		return "", err
	}
	local := name
	if local == contextName || local == dockerfileName {
		local = "_" + local
	}
	s.folders[local] = folder
	return "local:" + local, nil
}

// layout opens "path", "path:tag" or "path@digest": an image layout as the OCI has it.
func (s *solve) layout(ref string) (string, error) {
	path, digest, pinned := strings.Cut(ref, "@")
	tag := ""
	if i := strings.LastIndex(path, ":"); i > strings.LastIndex(path, "/") {
		path, tag = path[:i], path[i+1:]
	}
	if _, err := openFolder(path); err != nil {
		return "", err
	}
	if !pinned {
		found, err := inLayout(path, tag)
		if err != nil {
			return "", err
		}
		digest = found
	}
	store, err := local.NewStore(path)
	if err != nil {
		return "", fmt.Errorf("image layout %s: %w", path, err)
	}
	id := "layout" + strconv.Itoa(len(s.layouts))
	s.layouts[id] = store
	return "oci-layout://" + id + "@" + digest, nil
}

func inLayout(path, tag string) (string, error) {
	index := ociindex.NewStoreIndex(path)
	var found *ocispec.Descriptor
	var err error
	if tag != "" {
		found, err = index.Get(tag)
	} else if found, err = index.Get("latest"); err == nil && found == nil {
		found, err = index.GetSingle()
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("image layout %s: %w", path, err)
	case found == nil && tag != "":
		return "", fmt.Errorf("image layout %s has no image with the tag %s", path, tag)
	case found == nil:
		return "", fmt.Errorf("image layout %s has several images: say which, as oci-layout://%s:TAG", path, path)
	}
	return found.Digest.String(), nil
}
