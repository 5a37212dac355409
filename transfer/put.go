package transfer

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"
)

// Put makes what is at the place like the source: a file with its content, a link,
// or a folder without what is in it. The folders on the way are made. What is of
// another kind there is taken away.
func Put(ctx context.Context, from Source, to Place, rules Rules) error {
	o, err := from.open()
	if err != nil {
		return err
	}
	defer o.file.Close()
	dir, name := split(to.Path)
	if name == "" {
		return nil // the root, which is there
	}
	link, st, err := Place{to.Root, dir}.look(name)
	switch {
	case errors.Is(err, unix.ENOENT):
	case err != nil:
		return err
	case st != nil && o.folder && (isFolder(st) || link != ""):
		return nil
	case isFolder(st) || st != nil && o.folder:
		if err := Remove(to); err != nil {
			return err
		}
	}
	u := unpacker{Rules: rules, at: Place{to.Root, dir}, rename: func(string) string { return name }}
	return u.from(ctx, o, name, true)
}
