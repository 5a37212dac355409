package project

// MountType is the kind of a mount.
type MountType string

const (
	MountBind   MountType = "bind"
	MountVolume MountType = "volume"
	MountTmpfs  MountType = "tmpfs"
	MountImage  MountType = "image"
)

// Mount is one mount of a container.
type Mount struct {
	Type MountType `json:"type"`
	// Source is an absolute path (bind), the full name of a volume, the normalised
	// reference of an image, or empty: an anonymous volume, or a tmpfs.
	Source   string `json:"source,omitempty"`
	Target   string `json:"target"` // absolute, clean
	ReadOnly bool   `json:"readOnly,omitempty"`
	// Within is a folder that a bind's source is in, or is, and that no link may lead it out
	// of: containers that nobody trusts can write there. Empty: links lead where they lead.
	Within string `json:"within,omitempty"`
	// CreateHostPath: a bind's missing source is made, as a folder.
	CreateHostPath bool `json:"createHostPath,omitempty"`
	// NoCopy: an empty volume is not filled from the image.
	NoCopy bool `json:"noCopy,omitempty"`
	// Propagation of a bind: "", "rprivate", "rshared", …
	Propagation string `json:"propagation,omitempty"`
	// Recursive says what becomes of the mounts below a bind's source.
	Recursive Recursive `json:"recursive,omitempty"`
	// SELinux has the source relabelled, on a host with SELinux: "z" for all
	// containers, "Z" for this one.
	SELinux string `json:"selinux,omitempty"`
	// Subpath is the path in a volume or an image that is mounted, relative and
	// clean; empty: all of it.
	Subpath string `json:"subpath,omitempty"`
	// Labels are given to an anonymous volume when it is made.
	Labels map[string]string `json:"labels,omitempty"`
	// Options of a tmpfs, as in mount(8): "size=1048576", "mode=1777", "exec".
	Options []string `json:"options,omitempty"`
}

// Recursive says what becomes of the mounts below the source of a bind.
type Recursive string

const (
	// RecursiveEnabled: they are there; in a read-only bind they are read-only
	// too, where the kernel can do that.
	RecursiveEnabled Recursive = ""
	// RecursiveDisabled: they are not there.
	RecursiveDisabled Recursive = "disabled"
	// RecursiveWritable: they are there, and can be written to in a read-only bind.
	RecursiveWritable Recursive = "writable"
	// RecursiveReadOnly: they are read-only, or the container is not made.
	RecursiveReadOnly Recursive = "readonly"
)
