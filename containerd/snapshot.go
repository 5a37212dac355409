package containerd

import "github.com/containerd/containerd/v2/core/mount"

// OpenMounts returns the file system that a snapshot's mounts show, to be read.
func OpenMounts(mounts []mount.Mount) (*Rootfs, error) { return openRootfs(mounts) }
