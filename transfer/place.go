package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// Place is a path in a root. It is as the user wrote it: a "/" at its end, or
// "/.", means something.
type Place struct {
	// Root is the open folder that "/" is.
	Root *os.File
	Path string
}

// maxLinks is how many links one path may lead through, as in the kernel.
const maxLinks = 40

// Errors about a destination.
var (
	ErrNoFolder  = errors.New("the destination folder must exist")
	ErrNotFolder = errors.New("not a directory")
	ErrIntoFile  = errors.New("cannot copy a directory to a file")
)

// open opens what is at the path, links followed. It can be read by what its
// /proc/self/fd leads to only.
func (p Place) open() (*os.File, error) {
	f, err := pathrs.OpenatInRoot(p.Root, rooted(p.Path))
	return f, p.named(err)
}

// openLink is open that does not follow a link at the end of the path, unless
// that asks for a folder.
func (p Place) openLink() (*os.File, error) {
	dir, name := split(p.Path)
	if wantsFolder(p.Path) || name == "" {
		return p.open()
	}
	parent, err := Place{p.Root, dir}.open()
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	f, err := openName(parent, name)
	return f, p.named(err)
}

// openName opens what has the name in the folder: a link itself, not where it
// leads.
func openName(dir *os.File, name string) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// named gives the error the path that the user wrote.
func (p Place) named(err error) error {
	if err == nil {
		return nil
	}
	var no unix.Errno
	if errors.As(err, &no) {
		err = no
	}
	return &fs.PathError{Op: "open", Path: p.Path, Err: err}
}

// landing is where the path leads when the links at its end are followed, also
// to where nothing is: there is found. A path without a name is that of a folder.
func (p Place) landing() (at Place, there *unix.Stat_t, err error) {
	for range maxLinks {
		dir, name := split(p.Path)
		if name == "" {
			f, err := p.open()
			if err != nil {
				return p, nil, err
			}
			defer f.Close()
			st, err := stat(f)
			return p, st, err
		}
		link, st, err := Place{p.Root, dir}.look(name)
		if err != nil || link == "" {
			return p, st, err
		}
		end := ""
		if wantsFolder(p.Path) {
			end = "/"
		}
		if p.Path = link + end; !path.IsAbs(link) {
			p.Path = dir + "/" + link + end
		}
	}
	return p, nil, p.named(unix.ELOOP)
}

// look returns what has the name in the folder, or nil, and where a link leads.
func (p Place) look(name string) (link string, st *unix.Stat_t, err error) {
	parent, err := p.open()
	if err != nil {
		return "", nil, err
	}
	defer parent.Close()
	f, err := openName(parent, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	if st, err = stat(f); err != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", st, err
	}
	link, err = readLink(f)
	return link, st, err
}

// readLink returns where an open link leads.
func readLink(f *os.File) (string, error) {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(f.Fd()), "", b)
	if err != nil {
		return "", os.NewSyscallError("readlink", err)
	}
	return string(b[:n]), nil
}

func stat(f *os.File) (*unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(int(f.Fd()), "", &st, unix.AT_EMPTY_PATH); err != nil {
		return nil, os.NewSyscallError("stat", err)
	}
	return &st, nil
}

func isFolder(st *unix.Stat_t) bool { return st != nil && st.Mode&unix.S_IFMT == unix.S_IFDIR }

// reopen opens what f stands for anew.
func reopen(f *os.File, flags int) (*os.File, error) {
	fd, err := unix.Open(procPath(f), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: f.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// procPath is a path that leads to an open file as long as it is open.
func procPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// rooted returns a path that begins at the root. Its ".." are not resolved in
// words: what they mean depends on links.
func rooted(p string) string { return "/" + strings.TrimLeft(p, "/") }

// split returns the path's folder and its last name, without what it ends in. The
// name is empty when it is none: "/", "..".
func split(p string) (dir, name string) {
	p = trimmed(rooted(p))
	at := strings.LastIndex(p, "/")
	if dir, name = p[:at+1], p[at+1:]; name == ".." || name == "." {
		return p, ""
	}
	return dir, name
}

// trimmed takes off what a path ends in that is no name.
func trimmed(p string) string {
	for {
		q := strings.TrimRight(p, "/")
		if q != "." {
			q = strings.TrimSuffix(q, "/.")
		}
		if q == "" {
			return "/"
		}
		if q == p {
			return p
		}
		p = q
	}
}

// wantsFolder tells whether the path can only be that of a folder.
func wantsFolder(p string) bool {
	return strings.HasSuffix(p, "/") || OnlyContent(p) || p == ".." || strings.HasSuffix(p, "/..")
}

// OnlyContent tells whether the path means what is in a folder, and not the
// folder itself.
func OnlyContent(p string) bool { return p == "." || strings.HasSuffix(p, "/.") }
