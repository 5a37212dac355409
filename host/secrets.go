package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/gocompose/gocompose/containerd"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/secrets"
	"github.com/gocompose/gocompose/secrets/content"
)

// WithContents returns the same host, which makes containers with the secrets and
// configs given. They are not part of what it is told to do.
func (h *Host) WithContents(c project.Contents) *Host {
	with := *h
	with.contents = c
	return &with
}

// placeSecrets sees to it that the secrets and configs of a container are there.
// The caller has the container's lock.
func (h *Host) placeSecrets(ctx context.Context, id string, files []project.File) error {
	return h.secrets.Place(ctx, id, files, h.contentOf)
}

// contentOf returns what is in a secret or config: as it was loaded, or else as it
// is read again, which has to be the same.
func (h *Host) contentOf(f project.File) (data []byte, err error) {
	if data, ok := h.contents.Of(f.Digest); ok {
		return data, nil
	}
	from := f.Path
	switch {
	case f.External != "":
		from = f.External
		data, err = h.cfg.External.External(f.Kind, f.External)
	case f.Path != "":
		data, err = content.Read(f.Path)
	default:
		return nil, errors.New("what was in it is lost, and it is from a variable or the Compose file: run `gocompose up`")
	}
	if err != nil {
		return nil, fmt.Errorf("what was in it is lost, and reading it again failed: %s: %w", from, err)
	}
	key, err := secrets.ReadKey(h.cfg.Paths.SecretsKey())
	if err == nil && project.ContentDigest(key, data) != f.Digest {
		return nil, fmt.Errorf("%s has changed since the container was made: run `gocompose up`, which replaces it", from)
	}
	return data, err
}

// mountedSecrets maps targets to the files that are bound there.
func (h *Host) mountedSecrets(id string, files []project.File) map[string]string {
	out := map[string]string{}
	for i, f := range files {
		out[f.Target] = h.secrets.Path(id, i)
	}
	return out
}

// LacksContents returns the containers of a project whose secrets or configs have
// to be loaded from Compose files again before they can be started: they are from
// there or from variables, and were lost with the state folder; or they are of
// containers that are made before each start.
func (h *Host) LacksContents(ctx context.Context, name string) ([]project.Container, error) {
	found, err := h.containerd.Containers(ctx, containerd.Filter{Project: name})
	if err != nil {
		return nil, err
	}
	var out []project.Container
	for _, c := range found {
		if h.lacksContents(c.ID, c.Record.Spec) {
			out = append(out, c.Record.Spec)
		}
	}
	return out, nil
}

func (h *Host) lacksContents(id string, spec project.Container) bool {
	for i, f := range spec.AllFiles() {
		own := i < len(spec.Files)
		if f.Path == "" && f.External == "" && !(own && exists(h.secrets.Path(id, i))) {
			return true
		}
	}
	return false
}
