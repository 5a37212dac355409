package project

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// Build says how the image of a service is made from sources. What the files leave
// out is zero, and is then BuildKit's default.
type Build struct {
	// Named: the files give the image a name.
	Named bool `json:"named,omitempty"`
	// Tags are further names for it, normalised.
	Tags []string `json:"tags,omitempty"`

	// Context is an absolute folder, the URL of a git repository or of an archive,
	// or "-" for an archive on standard input.
	Context string `json:"context,omitempty"`
	// Dockerfile is the path of it: absolute, or within a context that is a URL. Inline is
	// its text, in place of that.
	Dockerfile string `json:"dockerfile,omitempty"`
	Inline     string `json:"inline,omitempty"`
	Target     string `json:"target,omitempty"` // the stage to build; empty: the last

	Args   map[string]string `json:"args,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	// Contexts are named further contexts: absolute folders, URLs, "docker-image://…",
	// "oci-layout://…", and "service:NAME" for the image of another service.
	Contexts map[string]string `json:"contexts,omitempty"`
	// CacheFrom and CacheTo are written as "type=registry,ref=…".
	CacheFrom []string `json:"cacheFrom,omitempty"`
	CacheTo   []string `json:"cacheTo,omitempty"`

	NoCache       bool     `json:"noCache,omitempty"`
	NoCacheStages []string `json:"noCacheStages,omitempty"`
	Pull          bool     `json:"pull,omitempty"` // ask registries for the images it begins with

	Platforms []string `json:"platforms,omitempty"` // normalised; empty: the service's, or the host's own

	Network      string        `json:"network,omitempty"` // "", "default", "host", "none"
	Hosts        []string      `json:"hosts,omitempty"`   // "name=address"
	ShmSize      int64         `json:"shmSize,omitempty"` // in bytes
	Ulimits      []Ulimit      `json:"ulimits,omitempty"`
	Privileged   bool          `json:"privileged,omitempty"`
	Entitlements []string      `json:"entitlements,omitempty"` // "network.host", "security.insecure", "device=…"
	Secrets      []BuildSecret `json:"secrets,omitempty"`
	SSH          []BuildSSH    `json:"ssh,omitempty"`

	// Provenance and SBOM are the attestations' parameters, "mode=max", "true";
	// "false" is none of them.
	Provenance string `json:"provenance,omitempty"`
	SBOM       string `json:"sbom,omitempty"`

	// Owner is the service that the image is labelled with: the first of the files, by
	// name, that makes this image in this way.
	Owner string `json:"owner,omitempty"`
	// Bases are the images that the Dockerfile names, as far as it can be read beforehand, and
	// those that are contexts, normalised and sorted.
	Bases []string `json:"bases,omitempty"`
	// Lacks is why nothing can be built at all, with its place in the files: who has the
	// image does not need the sources.
	Lacks []string `json:"lacks,omitempty"`
	// Clashes say which names of the image another service gives to another one, with both
	// places: who has the images builds neither.
	Clashes []string `json:"clashes,omitempty"`
}

// Same tells whether two builds make the same image.
func (b Build) Same(other Build) bool {
	b.Owner, b.Named, b.Lacks, b.Clashes = other.Owner, other.Named, other.Lacks, other.Clashes
	return reflect.DeepEqual(b, other)
}

// ShownContext is the context as people may see it: a URL without its password, or what may be
// a token in the place of a user.
func (b Build) ShownContext() string {
	scheme, rest, isURL := strings.Cut(b.Context, "://")
	if !isURL {
		return b.Context
	}
	u, err := url.Parse(b.Context)
	if err != nil {
		return scheme + "://" + rest[strings.LastIndex(rest, "@")+1:]
	}
	if _, secret := u.User.Password(); u.User == nil || scheme == "ssh" && !secret {
		return b.Context
	}
	u.User = nil
	return u.String()
}

// ServiceContext begins a context that is the image of another service, ImageContext one that
// is an image.
const (
	ServiceContext = "service:"
	ImageContext   = "docker-image://"
)

// BuildsOn returns the services whose images are contexts of the build, sorted.
func (b Build) BuildsOn() []string {
	var out []string
	for _, context := range b.Contexts {
		if service, ok := strings.CutPrefix(context, ServiceContext); ok {
			out = append(out, service)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Refs returns all names of the image of a service that is built: its own, which is
// the first, and the tags.
func (s Service) Refs() []string {
	refs := []string{s.Template.Image}
	for _, tag := range s.Build.Tags {
		if !slices.Contains(refs, tag) {
			refs = append(refs, tag)
		}
	}
	return refs
}

// BuiltOf returns what else has to be here for the image of a service to be built by all its
// names: those, and the images that it is made of, as far as they are known beforehand.
func (s Service) BuiltOf() []string {
	if s.Build == nil {
		return nil
	}
	refs := append(s.Refs(), s.Build.Bases...)
	slices.Sort(refs)
	return slices.Compact(refs)
}

// BuildSecret is what RUN --mount=type=secret,id=ID reads. What is in it is not part of
// it, and is found in Contents by its digest.
type BuildSecret struct {
	ID     string `json:"id"`
	Source string `json:"source"` // its name in the files
	Digest string `json:"digest"`
	// File or Variable is where it is read from; neither of one that is external.
	File     string `json:"file,omitempty"`
	Variable string `json:"variable,omitempty"`
}

// BuildSSH are keys, or an agent, that RUN --mount=type=ssh,id=ID uses.
type BuildSSH struct {
	ID string `json:"id"`
	// Paths are files of keys, or one socket of an agent; empty: the agent of
	// SSH_AUTH_SOCK.
	Paths []string `json:"paths,omitempty"`
}
