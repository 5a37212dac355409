package transfer

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// file makes a regular file.
func (u *unpacker) file(r io.Reader, h *tar.Header, parent *os.File, name string) error {
	fd, err := unix.Openat(int(parent.Fd()), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	_, err = io.Copy(&holes{f: f}, r)
	if err == nil {
		err = f.Truncate(h.Size)
	}
	if err == nil {
		err = u.own(f, h)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, unix.Unlinkat(int(parent.Fd()), name, 0))
	}
	return nil
}

// own gives an open file its owner, mode, attributes and time, in the order in
// which none undoes another.
func (u *unpacker) own(f *os.File, h *tar.Header) error {
	owner := u.Owner
	if u.Owners {
		owner = Owner{h.Uid, h.Gid}
	}
	if err := unix.Fchownat(int(f.Fd()), "", owner.UID, owner.GID, unix.AT_EMPTY_PATH); err != nil {
		return os.NewSyscallError("chown", err)
	}
	if h.Typeflag == tar.TypeSymlink {
		return setTime(f, h.ModTime)
	}
	mode := uint32(h.Mode & 0o7777)
	if u.Foreign && !u.Owners && h.Typeflag != tar.TypeDir {
		mode &^= unix.S_ISUID | unix.S_ISGID
	}
	if err := unix.Chmod(procPath(f), mode); err != nil {
		return os.NewSyscallError("chmod", err)
	}
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, attributePrefix)
		if !ok || !carried(name) || name == capability && u.Foreign {
			continue
		}
		if err := unix.Setxattr(procPath(f), name, []byte(value), 0); err != nil && err != unix.EOPNOTSUPP {
			return os.NewSyscallError("setxattr", err)
		}
	}
	if h.Typeflag == tar.TypeDir {
		return nil // its entries come yet
	}
	return setTime(f, h.ModTime)
}

func setTime(f *os.File, at time.Time) error {
	ts := unix.NsecToTimespec(at.UnixNano())
	err := unix.UtimesNanoAt(int(f.Fd()), "", []unix.Timespec{ts, ts}, unix.AT_EMPTY_PATH)
	return os.NewSyscallError("utimes", err)
}

// overwrite writes into a file that something is mounted on: only with the mount
// could it be replaced.
func overwrite(r io.Reader, h *tar.Header, dir *os.File, name string) error {
	if h.Typeflag != tar.TypeReg {
		return unix.EBUSY
	}
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_WRONLY|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// holes writes to a file and leaves out what is all zeros.
type holes struct {
	f  *os.File
	at int64
}

// block is the unit that a hole is made of.
const block = 4096

func (h *holes) Write(b []byte) (int, error) {
	for written := 0; written < len(b); {
		part := b[written:min(len(b), written+block)]
		if len(part) < block || !bytes.Equal(part, emptyBlock[:]) {
			if _, err := h.f.WriteAt(part, h.at); err != nil {
				return written, err
			}
		}
		written += len(part)
		h.at += int64(len(part))
	}
	return len(b), nil
}

var emptyBlock [block]byte
