package transfer

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Source is what is packed.
type Source struct {
	Place
	// Follow: a link at the end of the path is followed.
	Follow bool
}

// opened is a source while it is being packed.
type opened struct {
	file   *os.File
	folder bool
	// base is its name, empty for what has none: the root.
	base string
}

func (s Source) open() (o opened, err error) {
	if o.file, err = s.openLink(); err != nil {
		return o, err
	}
	st, err := stat(o.file)
	if err == nil && s.Follow && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		o.file.Close()
		if o.file, err = s.Place.open(); err != nil {
			return o, err
		}
		st, err = stat(o.file)
	}
	o.folder = isFolder(st)
	if err == nil && wantsFolder(s.Path) && !o.folder {
		err = &fs.PathError{Op: "open", Path: s.Path, Err: unix.ENOTDIR}
	}
	if err != nil {
		return o, errors.Join(err, o.file.Close())
	}
	_, o.base = split(s.Path)
	if OnlyContent(s.Path) {
		o.base = ""
	}
	return o, nil
}

// Pack writes what is at the source as a tar archive, named as it is there. Only
// the content of a folder, or the root, is below ".".
func Pack(w io.Writer, s Source) error {
	o, err := s.open()
	if err != nil {
		return err
	}
	defer o.file.Close()
	name := o.base
	if name == "" {
		name = "."
	}
	p := packer{tar: tar.NewWriter(w), links: map[inode]string{}}
	return p.whole(o.file, name)
}

// PackAll writes all that is in a folder, which has no entry itself.
func PackAll(w io.Writer, root *os.File) error {
	p := packer{tar: tar.NewWriter(w), links: map[inode]string{}}
	if err := p.children(root, ""); err != nil {
		return err
	}
	return p.tar.Close()
}

// whole writes an archive of what is open.
func (p *packer) whole(f *os.File, name string) error {
	if err := p.add(f, name); err != nil {
		return err
	}
	return p.tar.Close()
}

type inode struct{ dev, ino uint64 }

type packer struct {
	tar *tar.Writer
	// links are the names of files with several.
	links map[inode]string
	// shallow: nothing that is in a folder is packed.
	shallow bool
}

// add writes an open file, or folder with all that is in it.
func (p *packer) add(f *os.File, name string) error {
	st, err := stat(f)
	if err != nil {
		return err
	}
	h, err := p.header(f, st, name)
	if h == nil || err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg {
		if err := p.tar.WriteHeader(h); err != nil || h.Typeflag != tar.TypeDir || p.shallow {
			return err
		}
		return p.children(f, name)
	}
	// Before the header: what cannot be read leaves no half entry.
	content, err := reopen(f, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.Copy(p.tar, io.LimitReader(content, h.Size))
	if err != nil {
		return err
	}
	// It has become shorter meanwhile: as with tar(1), the rest is zeros.
	_, err = io.CopyN(p.tar, zeros{}, h.Size-n)
	return err
}

// children writes what is in an open folder.
func (p *packer) children(dir *os.File, name string) error {
	readable, err := reopen(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	names, err := readable.Readdirnames(-1)
	if err = errors.Join(err, readable.Close()); err != nil {
		return err
	}
	slices.Sort(names)
	for _, n := range names {
		f, err := openName(dir, n)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed meanwhile
		}
		if err != nil {
			return err
		}
		if err := errors.Join(p.add(f, path.Join(name, n)), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// header describes an open file. It is nil for a socket, which no archive has.
func (p *packer) header(f *os.File, st *unix.Stat_t, name string) (*tar.Header, error) {
	h := &tar.Header{
		Name: name, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid),
		ModTime: time.Unix(st.Mtim.Unix()), Format: tar.FormatPAX,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
	case unix.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, st.Size
	case unix.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		var err error
		if h.Linkname, err = readLink(f); err != nil {
			return nil, err
		}
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case unix.S_IFCHR, unix.S_IFBLK:
		h.Typeflag = tar.TypeChar
		if st.Mode&unix.S_IFMT == unix.S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		h.Devmajor, h.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
	default:
		return nil, nil
	}
	if h.Typeflag == tar.TypeDir {
		return h, nil
	}
	at := inode{st.Dev, st.Ino}
	if first, ok := p.links[at]; ok {
		h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		return h, nil
	}
	if st.Nlink > 1 {
		p.links[at] = name
	}
	if h.Typeflag == tar.TypeReg {
		h.PAXRecords = attributes(f)
	}
	return h, nil
}

// attributePrefix is what extended attributes are called in archives.
const attributePrefix = "SCHILY.xattr."

// capability is the attribute that gives a program rights.
const capability = "security.capability"

// attributes are the extended attributes that go with a file. A file system that
// has none has none.
func attributes(f *os.File) map[string]string {
	names := make([]byte, 64<<10)
	n, err := unix.Listxattr(procPath(f), names)
	if err != nil || n == 0 {
		return nil
	}
	out := map[string]string{}
	for _, name := range strings.Split(strings.TrimRight(string(names[:n]), "\x00"), "\x00") {
		if !carried(name) {
			continue
		}
		value := make([]byte, 64<<10)
		if n, err := unix.Getxattr(procPath(f), name, value); err == nil {
			out[attributePrefix+name] = string(value[:n])
		}
	}
	return out
}

func carried(name string) bool { return name == capability || strings.HasPrefix(name, "user.") }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
