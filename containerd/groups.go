package containerd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/moby/sys/user"

	"github.com/gocompose/gocompose/containerd/spec"
)

// numericGroups returns the groups if all are numbers. Names have to be looked up
// in the image.
func numericGroups(asked []string) ([]uint32, bool) {
	var ids []uint32
	for _, a := range asked {
		id, err := strconv.ParseUint(a, 10, 31)
		if err != nil {
			return nil, false
		}
		ids = append(ids, uint32(id))
	}
	return ids, true
}

// withGroups adds supplementary groups to those of the user, names looked up in
// the snapshot.
func withGroups(u spec.User, asked []string, mounts []mount.Mount) (_ spec.User, err error) {
	ids, ok := numericGroups(asked)
	if !ok {
		root, err := OpenMounts(mounts)
		if err != nil {
			return u, err
		}
		ids, err = lookUpGroups(root.Path(), asked)
		if err = errors.Join(err, root.Close()); err != nil {
			return u, err
		}
	}
	for _, id := range ids {
		if !slices.Contains(u.Groups, id) {
			u.Groups = append(u.Groups, id)
		}
	}
	return u, nil
}

// lookUpGroups finds groups in the group file below root. A number need not be
// listed. The numbers come in order.
func lookUpGroups(root string, asked []string) ([]uint32, error) {
	var ids []uint32
	for _, name := range asked {
		file, err := openIn(root, "/etc/group")
		if err != nil {
			return nil, err
		}
		found, err := user.GetAdditionalGroups([]string{name}, file)
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("group_add: the image has no group %q in /etc/group", name)
		}
		for _, id := range found {
			ids = append(ids, uint32(id))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
