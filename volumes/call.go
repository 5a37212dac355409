package volumes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/internal/unmount"
	"github.com/gocompose/gocompose/project"
)

// call is what mount(2) is told.
type call struct {
	device, kind string
	flags        uintptr // without those of propagation
	propagation  uintptr // 0: as it comes
	data         string  // for the file system
}

// flag is one of the words of mount(8) that mean a flag of mount(2).
type flag struct {
	set, clear, propagation uintptr
}

// flags are Docker's (moby/sys/mount).
var flags = map[string]flag{
	"defaults": {}, "rw": {clear: unix.MS_RDONLY}, "ro": {set: unix.MS_RDONLY},
	"suid": {clear: unix.MS_NOSUID}, "nosuid": {set: unix.MS_NOSUID},
	"dev": {clear: unix.MS_NODEV}, "nodev": {set: unix.MS_NODEV},
	"exec": {clear: unix.MS_NOEXEC}, "noexec": {set: unix.MS_NOEXEC},
	"sync": {set: unix.MS_SYNCHRONOUS}, "async": {clear: unix.MS_SYNCHRONOUS},
	"dirsync": {set: unix.MS_DIRSYNC}, "remount": {set: unix.MS_REMOUNT},
	"mand": {set: unix.MS_MANDLOCK}, "nomand": {clear: unix.MS_MANDLOCK},
	"atime": {clear: unix.MS_NOATIME}, "noatime": {set: unix.MS_NOATIME},
	"diratime": {clear: unix.MS_NODIRATIME}, "nodiratime": {set: unix.MS_NODIRATIME},
	"relatime": {set: unix.MS_RELATIME}, "norelatime": {clear: unix.MS_RELATIME},
	"strictatime": {set: unix.MS_STRICTATIME}, "nostrictatime": {clear: unix.MS_STRICTATIME},
	"bind": {set: unix.MS_BIND}, "rbind": {set: unix.MS_BIND | unix.MS_REC},
	"private": {propagation: unix.MS_PRIVATE}, "rprivate": {propagation: unix.MS_PRIVATE | unix.MS_REC},
	"shared": {propagation: unix.MS_SHARED}, "rshared": {propagation: unix.MS_SHARED | unix.MS_REC},
	"slave": {propagation: unix.MS_SLAVE}, "rslave": {propagation: unix.MS_SLAVE | unix.MS_REC},
	"unbindable": {propagation: unix.MS_UNBINDABLE}, "runbindable": {propagation: unix.MS_UNBINDABLE | unix.MS_REC},
}

// resolver returns an address of a host.
type resolver func(ctx context.Context, host string) (netip.Addr, error)

// callOf makes a mount of a volume's options. As with Docker, names of servers
// become addresses, which the kernel wants.
func callOf(ctx context.Context, options map[string]string, resolve resolver) (call, error) {
	c := call{device: options[project.VolumeDevice], kind: options[project.VolumeType]}
	words := strings.Split(options[project.VolumeMount], ",")
	var err error
	if c.kind == "nfs" || c.kind == "nfs4" || c.kind == "cifs" {
		if words, c.device, err = addressed(ctx, words, c, resolve); err != nil {
			return call{}, err
		}
	}
	var data []string
	for _, w := range words {
		f, known := flags[w]
		switch {
		case w == "":
		case !known:
			data = append(data, w)
		default:
			c.flags = c.flags&^f.clear | f.set
			c.propagation |= f.propagation
		}
	}
	c.data = strings.Join(data, ",")
	if c.kind == "tmpfs" && c.device == "" {
		c.device = "tmpfs"
	}
	return c, nil
}

// addressed returns the options and the device with an address in place of the
// server's name: in addr=, or of cifs without that, in the device.
func addressed(ctx context.Context, words []string, c call, resolve resolver) ([]string, string, error) {
	for i, w := range words {
		host, ok := strings.CutPrefix(w, "addr=")
		if !ok || host == "" {
			continue
		}
		a, err := address(ctx, host, resolve)
		words[i] = "addr=" + a
		return words, c.device, err
	}
	u, err := url.Parse(c.device)
	if c.kind != "cifs" || err != nil || u.Hostname() == "" {
		return words, c.device, nil
	}
	a, err := address(ctx, u.Hostname(), resolve)
	return words, strings.Replace(c.device, "//"+u.Host, "//"+a, 1), err
}

func address(ctx context.Context, host string, resolve resolver) (string, error) {
	if _, err := netip.ParseAddr(host); err == nil {
		return host, nil
	}
	a, err := resolve(ctx, host)
	if err != nil {
		return "", fmt.Errorf("looking up the server %s: %w", host, err)
	}
	return a.String(), nil
}

// lookUp asks the host's resolver; IPv4 goes first.
func lookUp(ctx context.Context, host string) (netip.Addr, error) {
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range all {
		if a.Unmap().Is4() {
			return a.Unmap(), nil
		}
	}
	return all[0], nil
}

// mount mounts it: wholly, or not at all.
func (c call) mount(target string) error {
	if err := unix.Mount(c.device, target, c.kind, c.flags, c.data); err != nil {
		return err
	}
	err := c.finish(target)
	if err != nil {
		err = errors.Join(err, unmount.One(target))
	}
	return err
}

// finish sets what a bind does not take at once (mount(2)), and the propagation.
func (c call) finish(target string) error {
	const bind = unix.MS_BIND | unix.MS_REC
	if c.flags&unix.MS_BIND != 0 && c.flags&^bind != 0 {
		if err := unix.Mount("", target, "", c.flags&^unix.MS_REC|unix.MS_REMOUNT, ""); err != nil {
			return err
		}
	}
	if c.propagation == 0 {
		return nil
	}
	return unix.Mount("", target, "", c.propagation, "")
}

// explain says what could not be mounted, without what is secret in it.
func (c call) explain(err error) error {
	what := "mounting " + c.device
	if c.kind != "none" {
		what += " (" + c.kind + ")"
	}
	if c.data != "" {
		what += " with " + project.HideSecrets(c.data)
	}
	hint := ""
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.flags&unix.MS_BIND != 0:
		hint = ": make that folder, which is the volume's device"
	case errors.Is(err, unix.ENODEV):
		hint = ": the kernel has no such file system; load its module, if there is one"
	case errors.Is(err, unix.EINVAL) && c.data != "":
		hint = ": the file system does not take one of these options, or their values; the kernel's log (dmesg) may say which"
	case errors.Is(err, unix.ENOTBLK):
		hint = ": the device is none; a file needs losetup before"
	}
	return fmt.Errorf("%s: %w%s", what, err, hint)
}
