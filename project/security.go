package project

// Security is what a container's processes may do, beside their capabilities.
type Security struct {
	// Seccomp says which system calls there are: empty is Docker's profile, which
	// privileged containers do without; else SeccompUnconfined, SeccompBuiltin, or
	// a profile in Docker's JSON format.
	Seccomp string `json:"seccomp,omitempty"`
	// AppArmor is the name of a profile; empty: the one for containers, where the
	// host has AppArmor, which privileged containers do without.
	AppArmor        string `json:"appArmor,omitempty"`
	NoNewPrivileges bool   `json:"noNewPrivileges,omitempty"`
	// Labels are options of SELinux: "type:container_t", "disable". Sorted.
	Labels []string `json:"labels,omitempty"`
	// OpenPaths: nothing of /proc and /sys is hidden or read-only beyond what the
	// mounts are.
	OpenPaths bool `json:"openPaths,omitempty"`
	// WritableCgroups: whether /sys/fs/cgroup can be written to; nil: where the
	// container is privileged.
	WritableCgroups *bool `json:"writableCgroups,omitempty"`
	// Groups are supplementary groups, names of the image's or numbers. Sorted.
	Groups []string `json:"groups,omitempty"`
	// Umask is the first process's; nil: the runtime's.
	Umask *int `json:"umask,omitempty"`
}

const (
	// SeccompUnconfined: all system calls. SeccompBuiltin: Docker's profile, of
	// privileged containers too.
	SeccompUnconfined = "unconfined"
	SeccompBuiltin    = "builtin"
	// AppArmorUnconfined: no profile. AppArmorBuiltin: the one for containers, of
	// privileged ones too, where the host has AppArmor.
	AppArmorUnconfined = "unconfined"
	AppArmorBuiltin    = "docker-default"
)
