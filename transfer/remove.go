package transfer

import (
	"errors"
	"io/fs"
	"os"
)

// Remove takes away what is at the place, a folder with all that is in it. A link
// at the end of the path is taken away itself. Nothing there is no error.
func Remove(at Place) error {
	dir, name := split(at.Path)
	if name == "" {
		return at.named(fs.ErrInvalid)
	}
	parent, err := Place{at.Root, dir}.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer parent.Close()
	root, err := os.OpenRoot(procPath(parent))
	if err != nil {
		return err
	}
	return errors.Join(at.named(root.RemoveAll(name)), root.Close())
}

// OnHost returns an absolute path of the host as a place. The caller closes the
// root.
func OnHost(path string) (Place, error) {
	root, err := os.Open("/")
	return Place{root, path}, err
}
