package transfer

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// Rules say what becomes of an archive's entries.
type Rules struct {
	// Owners: they are as the archive says. Without, all is Owner's.
	Owners bool
	Owner  Owner
	// Foreign: the archive is a container's, and the destination the host's. There
	// are no devices then, no rights that come with a file, and without Owners no
	// program that runs as its owner.
	Foreign bool
	// Skipped is told which entries were left out, and why; nil: nobody is.
	Skipped func(name, why string)
}

// Owner is whose a file is, by number.
type Owner struct{ UID, GID int }

// unpacker writes entries below a place.
type unpacker struct {
	Rules
	at Place
	// rename gives an entry its name below the place; empty: it is the place.
	rename func(string) string
	// dirs are the folders that were made, whose times are set last.
	dirs []made
	// parent is the folder of the entry before.
	parent     *os.File
	parentName string
}

type made struct {
	dir  *os.File
	time time.Time
}

// Unpack writes what is in a tar archive, plain or compressed, into the folder at
// the place. It reads to the end, unless ctx ends before.
func Unpack(ctx context.Context, r io.Reader, into Place, rules Rules) error {
	dir, st, err := into.landing()
	switch {
	case err != nil:
		return err
	case st == nil:
		return fmt.Errorf("%s: %w", into.Path, ErrNoFolder)
	case !isFolder(st):
		return &fs.PathError{Op: "open", Path: into.Path, Err: unix.ENOTDIR}
	}
	plain, err := decompressed(r)
	if err != nil {
		return err
	}
	u := unpacker{Rules: rules, at: dir, rename: func(name string) string { return name }}
	if err := u.all(ctx, tar.NewReader(plain)); err != nil {
		return err
	}
	// To the end, for whoever writes into the pipe.
	_, err = io.Copy(io.Discard, r)
	return err
}

func (u *unpacker) all(ctx context.Context, archive *tar.Reader) (err error) {
	// A file that says that it is sparse has no end in sight.
	r := reading(func(b []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return archive.Read(b)
	})
	defer func() { err = errors.Join(err, u.end()) }()
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		name, err := entryName(h.Name)
		if err != nil {
			return err
		}
		if err := u.entry(r, h, u.rename(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// reading is a reader made of its one method.
type reading func([]byte) (int, error)

func (r reading) Read(b []byte) (int, error) { return r(b) }

// end sets the times of the folders that were made.
func (u *unpacker) end() error {
	var errs []error
	if u.parent != nil {
		errs = append(errs, u.parent.Close())
	}
	for _, m := range u.dirs {
		errs = append(errs, setTime(m.dir, m.time), m.dir.Close())
	}
	return errors.Join(errs...)
}

// maxDirs bounds how many folders are kept open for their times.
const maxDirs = 4096

// entryName returns the clean name of an entry. None leads out of the
// destination.
func entryName(name string) (string, error) {
	if strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("the archive has an entry with the name %q", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("the archive has the entry %q, which leads out of the destination", name)
		}
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/"), nil
}

// entry writes one entry under its name; "" is the destination itself.
func (u *unpacker) entry(r io.Reader, h *tar.Header, name string) error {
	switch h.Typeflag {
	case tar.TypeXGlobalHeader:
		return nil
	case tar.TypeGNUSparse, tar.TypeCont:
		h.Typeflag = tar.TypeReg
	}
	if name == "" {
		if h.Typeflag != tar.TypeDir {
			return errors.New("it would be in place of the destination folder")
		}
		return nil
	}
	dir, base := path.Split(name)
	parent, err := u.folder(dir)
	if err != nil {
		return err
	}
	there, err := existing(parent, base)
	if err != nil {
		return err
	}
	switch {
	case isFolder(there) && h.Typeflag == tar.TypeDir:
		return nil
	case isFolder(there):
		return errors.New("cannot overwrite a directory with a file")
	case there != nil && h.Typeflag == tar.TypeDir:
		return errors.New("cannot overwrite a file with a directory")
	case h.Typeflag == tar.TypeDir:
		return u.mkdir(parent, base, h)
	}
	if mounted, err := mountedOn(parent, base); err != nil {
		return err
	} else if mounted {
		return overwrite(r, h, parent, base)
	}
	return u.replace(r, h, parent, base)
}

func existing(dir *os.File, name string) (*unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT {
		return nil, nil
	}
	return &st, err
}

// folder opens the folder of an entry, which is made when the archive has none.
func (u *unpacker) folder(dir string) (*os.File, error) {
	if u.parent != nil && u.parentName == dir {
		return u.parent, nil
	}
	if u.parent != nil {
		u.parent.Close()
		u.parent = nil
	}
	whole := rooted(u.at.Path + "/" + dir)
	f, err := pathrs.OpenatInRoot(u.at.Root, whole)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = pathrs.MkdirAllHandle(u.at.Root, whole, 0o755)
	}
	if err != nil {
		return nil, Place{u.at.Root, whole}.named(err)
	}
	u.parent, u.parentName = f, dir
	return f, nil
}

func (u *unpacker) mkdir(parent *os.File, name string, h *tar.Header) error {
	if err := unix.Mkdirat(int(parent.Fd()), name, 0o700); err != nil {
		return err
	}
	fd, err := unix.Openat(int(parent.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	dir := os.NewFile(uintptr(fd), name)
	if err := u.own(dir, h); err != nil {
		return errors.Join(err, dir.Close())
	}
	if len(u.dirs) >= maxDirs {
		return errors.Join(setTime(dir, h.ModTime), dir.Close())
	}
	u.dirs = append(u.dirs, made{dir, h.ModTime})
	return nil
}

// replace writes what is no folder beside its place first, and then puts it
// there: nobody ever sees half of it, and a link in its place is not followed.
func (u *unpacker) replace(r io.Reader, h *tar.Header, parent *os.File, name string) error {
	temporary := ".gocompose-" + rand.Text()
	dir := int(parent.Fd())
	done, err := u.make(r, h, parent, temporary)
	if err != nil && done { // what there is of it
		if e := unix.Unlinkat(dir, temporary, 0); e != unix.ENOENT {
			err = errors.Join(err, e)
		}
	}
	if err != nil || !done {
		return err
	}
	err = unix.Renameat(dir, temporary, dir, name)
	// A rename of one file's two names to each other leaves both.
	if e := unix.Unlinkat(dir, temporary, 0); e != unix.ENOENT {
		err = errors.Join(err, e)
	}
	return err
}

// make makes the entry under a name that is free.
func (u *unpacker) make(r io.Reader, h *tar.Header, parent *os.File, name string) (done bool, err error) {
	dir := int(parent.Fd())
	switch h.Typeflag {
	case tar.TypeReg:
		return true, u.file(r, h, parent, name)
	case tar.TypeSymlink:
		if err := unix.Symlinkat(h.Linkname, dir, name); err != nil {
			return false, err
		}
	case tar.TypeLink:
		return true, u.link(h, dir, name)
	case tar.TypeFifo:
		if err := unix.Mknodat(dir, name, unix.S_IFIFO|0o600, 0); err != nil {
			return false, err
		}
	case tar.TypeChar, tar.TypeBlock:
		if u.Foreign {
			u.skipped(h.Name, "a device of the container is none of the host")
			return false, nil
		}
		kind := uint32(unix.S_IFCHR)
		if h.Typeflag == tar.TypeBlock {
			kind = unix.S_IFBLK
		}
		if err := unix.Mknodat(dir, name, kind|0o600, int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor)))); err != nil {
			return false, err
		}
	default:
		u.skipped(h.Name, fmt.Sprintf("an entry of type %q", h.Typeflag))
		return false, nil
	}
	f, err := openName(parent, name)
	if err != nil {
		return true, err
	}
	return true, errors.Join(u.own(f, h), f.Close())
}

func (u *unpacker) skipped(name, why string) {
	if u.Skipped != nil {
		u.Skipped(name, why)
	}
}

// link makes another name of an entry before.
func (u *unpacker) link(h *tar.Header, dir int, name string) error {
	target, err := entryName(h.Linkname)
	if err != nil {
		return err
	}
	folder, base := path.Split(u.rename(target))
	if base == "" {
		return errors.New("it is a link to the destination folder")
	}
	f, err := pathrs.OpenatInRoot(u.at.Root, rooted(u.at.Path+"/"+folder))
	if err != nil {
		return err
	}
	return errors.Join(unix.Linkat(int(f.Fd()), base, dir, name, 0), f.Close())
}
