package cgroup

import "golang.org/x/sys/unix"

// Unified tells whether the host has the unified hierarchy only, version 2 of
// cgroups.
func Unified() bool {
	var fs unix.Statfs_t
	return unix.Statfs("/sys/fs/cgroup", &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC
}
