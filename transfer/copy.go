package transfer

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// Copy copies a file or a folder by docker cp's rules: into a folder that exists
// under its own name, or with "/." at the end of the source what is in it; else to
// the name of the destination, whose folder exists. It ends when ctx does.
func Copy(ctx context.Context, from Source, to Place, rules Rules) error {
	o, err := from.open()
	if err != nil {
		return err
	}
	defer o.file.Close()
	at, name, err := destination(o, to)
	if err != nil {
		return err
	}
	if rules.Foreign { // no link leads out of the folder either
		if at.Root, err = at.open(); err != nil {
			return err
		}
		defer at.Root.Close()
		at.Path = "/"
	}
	u := unpacker{Rules: rules, at: at, rename: func(entry string) string {
		_, below, _ := strings.Cut(entry, "/")
		return strings.Trim(name+"/"+below, "/")
	}}
	return u.from(ctx, o, "x", false)
}

// from unpacks what is open while it is packed under the name.
func (u *unpacker) from(ctx context.Context, o opened, name string, shallow bool) error {
	r, w := io.Pipe()
	defer context.AfterFunc(ctx, func() { r.CloseWithError(context.Cause(ctx)) })()
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		p := packer{tar: tar.NewWriter(w), links: map[inode]string{}, shallow: shallow}
		w.CloseWithError(p.whole(o.file, name))
	}()
	err := u.all(ctx, tar.NewReader(r))
	r.CloseWithError(io.ErrClosedPipe) // it may not have been read to its end
	<-packed
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// destination returns the folder that something is copied into, and under which
// name; empty: its content alone.
func destination(o opened, to Place) (at Place, name string, err error) {
	at, st, err := to.landing()
	switch {
	case err != nil:
		return at, "", err
	case isFolder(st):
		return at, o.base, nil
	case st != nil && o.folder:
		return at, "", fmt.Errorf("%s: %w", to.Path, ErrIntoFile)
	case st != nil && wantsFolder(to.Path):
		return at, "", &fs.PathError{Op: "open", Path: to.Path, Err: unix.ENOTDIR}
	case st == nil && !o.folder && wantsFolder(to.Path):
		return at, "", fmt.Errorf("%s: %w", to.Path, ErrNoFolder)
	}
	at.Path, name = split(at.Path)
	return at, name, nil
}
