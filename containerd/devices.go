package containerd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/pkg/oci"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/containerd/spec"
	"github.com/gocompose/gocompose/project"
)

// deviceNodes looks up devices of the host. A folder stands for all devices
// below it, and links are followed.
func deviceNodes(asked []project.Device) ([]spec.Device, error) {
	var out []spec.Device
	for _, d := range asked {
		found, err := nodesAt(d)
		if err != nil {
			return nil, fmt.Errorf("devices: %w", err)
		}
		for _, node := range found {
			out = slices.DeleteFunc(out, func(other spec.Device) bool { return other.Path == node.Path })
			out = append(out, node)
		}
	}
	return out, nil
}

func nodesAt(d project.Device) ([]spec.Device, error) {
	source, err := filepath.EvalSymlinks(d.Source)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this host has no %s: plug the device in or load its driver (modprobe), or remove it from the file", d.Source)
	}
	if err != nil {
		return nil, err
	}
	var out []spec.Device
	err = filepath.WalkDir(source, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		node, err := oci.DeviceFromPath(path)
		switch {
		case errors.Is(err, oci.ErrNotADevice), errors.Is(err, fs.ErrNotExist): // which is gone since
			return nil
		case err != nil:
			return err
		case node.Type != "b" && node.Type != "c":
			return nil
		}
		node.Path = d.Target + strings.TrimPrefix(path, source)
		out = append(out, spec.Device{LinuxDevice: *node, Access: d.Permissions})
		return nil
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s is no device, and no folder with devices: mount files with volumes", d.Source)
	}
	return out, err
}

// blockDevices looks up the disks that blkio_config names.
func blockDevices(b project.BlockIO, weight weightFiles) (map[string]spec.BlockDevice, error) {
	out := map[string]spec.BlockDevice{}
	for _, list := range [][]project.DeviceNumber{b.Weights, b.ReadBytes, b.WriteBytes, b.ReadOps, b.WriteOps} {
		for _, n := range list {
			d, err := blockDeviceAt(n.Path)
			if err != nil {
				return nil, fmt.Errorf("blkio_config: %w", err)
			}
			out[n.Path] = d
		}
	}
	for _, n := range b.Weights {
		if scheduler := schedulerOf(out[n.Path]); weight.bfq && scheduler != "" && scheduler != "bfq" {
			return nil, fmt.Errorf("blkio_config.weight_device: requests to %s are put in order by %s, which knows no weights: write bfq to %s, or remove it",
				n.Path, scheduler, queueFile(out[n.Path]))
		}
	}
	return out, nil
}

func blockDeviceAt(path string) (spec.BlockDevice, error) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return spec.BlockDevice{}, fmt.Errorf("this host has no %s: name a disk that it has (lsblk), or remove it", path)
	case err != nil:
		return spec.BlockDevice{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	case st.Mode&unix.S_IFMT != unix.S_IFBLK:
		return spec.BlockDevice{}, fmt.Errorf("%s is no block device: name a disk (lsblk)", path)
	}
	number := uint64(st.Rdev) //nolint:unconvert // it is shorter on some architectures
	d := spec.BlockDevice{Major: int64(unix.Major(number)), Minor: int64(unix.Minor(number))}
	if exists(filepath.Join(sysBlock(d), "partition")) {
		return spec.BlockDevice{}, fmt.Errorf("%s is a part of a disk, and the kernel limits whole ones: name the disk (lsblk)", path)
	}
	return d, nil
}

// sysBlock is the folder where the kernel tells of a block device.
func sysBlock(d spec.BlockDevice) string {
	return fmt.Sprintf("/sys/dev/block/%d:%d", d.Major, d.Minor)
}

func queueFile(d spec.BlockDevice) string { return filepath.Join(sysBlock(d), "queue/scheduler") }

// schedulerOf returns what puts requests to a disk in order, or "" when the
// kernel does not say. Its file has them all: "none [mq-deadline] bfq".
func schedulerOf(d spec.BlockDevice) string {
	b, err := os.ReadFile(queueFile(d))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), "[")
	name, _, _ := strings.Cut(rest, "]")
	return cmp.Or(name, strings.TrimSpace(string(b)))
}
