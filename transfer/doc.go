// Package transfer moves files as tar streams out of folders and into folders,
// where no link leads out of a root, also one that is put there just now.
//
// A root is a container's, which may be hostile: what is in it can change at any
// moment. So a path is opened in the root, and what is done after goes by the open
// file, or by a name directly in an open folder where no link is followed. Never
// by a path of the host.
package transfer
