package containerd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/moby/sys/user"

	"github.com/gocompose/gocompose/containerd/spec"
)

// numericUser returns the user that "uid:gid" names. Anything else has to be
// looked up in the image.
func numericUser(asked string) (spec.User, bool) {
	u, g, ok := strings.Cut(asked, ":")
	uid, uidErr := strconv.ParseUint(u, 10, 31)
	gid, gidErr := strconv.ParseUint(g, 10, 31)
	if !ok || uidErr != nil || gidErr != nil {
		return spec.User{}, false
	}
	return spec.User{UID: uint32(uid), GID: uint32(gid)}, true
}

// lookUpUser finds a user ("", name, uid, name:group, …) in the passwd and
// group files below root, by Docker's rules: no user is root; a uid need not be
// listed; without a group, the primary and supplementary groups are those that
// the files give.
func lookUpUser(root, asked string) (_ spec.User, err error) {
	passwd, err := openIn(root, "/etc/passwd")
	if err != nil {
		return spec.User{}, err
	}
	group, err := openIn(root, "/etc/group")
	if err != nil {
		return spec.User{}, errors.Join(err, passwd.Close())
	}
	defer func() { err = errors.Join(err, passwd.Close(), group.Close()) }()
	found, err := user.GetExecUser(asked, nil, passwd, group)
	switch {
	case errors.Is(err, user.ErrNoPasswdEntries):
		name, _, _ := strings.Cut(asked, ":")
		return spec.User{}, fmt.Errorf("user: the image has no user %q in /etc/passwd", name)
	case errors.Is(err, user.ErrNoGroupEntries):
		_, name, _ := strings.Cut(asked, ":")
		return spec.User{}, fmt.Errorf("user: the image has no group %q in /etc/group", name)
	case err != nil:
		return spec.User{}, fmt.Errorf("user %q: %w", asked, err)
	}
	u := spec.User{UID: uint32(found.Uid), GID: uint32(found.Gid)}
	for _, g := range found.Sgids {
		u.Groups = append(u.Groups, uint32(g))
	}
	return u, nil
}

// openIn opens a file below root, with links followed as the container would
// follow them. One that is missing, or no regular file, reads as empty.
func openIn(root, name string) (io.ReadCloser, error) {
	none := io.NopCloser(strings.NewReader(""))
	p, err := securejoin.SecureJoin(root, name)
	if err != nil {
		return nil, fmt.Errorf("%s of the image: %w", name, err)
	}
	switch fi, err := os.Lstat(p); {
	case errors.Is(err, os.ErrNotExist):
		return none, nil
	case err != nil:
		return nil, fmt.Errorf("%s of the image: %w", name, err)
	case !fi.Mode().IsRegular(): // a FIFO would block, a device do worse
		return none, nil
	}
	f, err := os.Open(p)
	if err != nil {
		return nil, fmt.Errorf("%s of the image: %w", name, err)
	}
	return f, nil
}
