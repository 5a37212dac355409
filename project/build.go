package project

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
}

// BuildSecret is what RUN --mount=type=secret,id=ID reads. What is in it is not part of
// it, and is found in Contents by its digest.
type BuildSecret struct {
	ID     string `json:"id"`
	Digest string `json:"digest"`
}

// BuildSSH are keys, or an agent, that RUN --mount=type=ssh,id=ID uses.
type BuildSSH struct {
	ID string `json:"id"`
	// Paths are files of keys, or one socket of an agent; empty: the agent of
	// SSH_AUTH_SOCK.
	Paths []string `json:"paths,omitempty"`
}
