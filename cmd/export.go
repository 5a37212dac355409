package cmd

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

func (a *app) exportCommand() *cobra.Command {
	var output string
	which := one{stopped: true}
	c := &cobra.Command{
		Use:   "export [OPTIONS] SERVICE",
		Short: "Export a service container's filesystem as a tar archive",
		Long: "Writes the files of a service's container, with all that it has changed, as a tar archive: to standard output, or\n" +
			"with -o to a file, which is there when it is whole. What is mounted in the container is not in it.",
		Example: "  gocompose export web | tar -t\n  gocompose export -o web.tar --index 2 web",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			which.service = args[0]
			return a.export(c.Context(), which, output)
		},
	}
	fs := c.Flags()
	fs.StringVarP(&output, "output", "o", "", "Write to a file, instead of STDOUT")
	fs.IntVar(&which.index, "index", 0, "Index of the container if service has multiple replicas")
	return c
}

func (a *app) export(ctx context.Context, which one, output string) error {
	if output == "" && isTerminal(a.Out) {
		return usage("the archive is no text for a terminal: use -o FILE, or send it elsewhere")
	}
	return a.withOne(ctx, which, func(ctx context.Context, h *host.Host, i host.Info) error {
		return a.telling(i.Name, told{"Exporting", "Exported"}, "", func() error {
			pack := func(w io.Writer) error { return h.Export(ctx, i.ID, w) }
			if output == "" {
				return packed(ctx, a.Out, pack)
			}
			return writtenWhole(output, func(f *os.File) error { return packed(ctx, f, pack) })
		})
	})
}

// writtenWhole makes a file that is there only when all of it is written. What is
// no regular file, such as a device, is written to; a link stays, and leads to the file.
func writtenWhole(path string, write func(*os.File) error) error {
	path, err := behindLinks(path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	dir, _ := filepath.Split(path)
	f, err := os.CreateTemp(cmp.Or(dir, "."), ".gocompose-")
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Chmod(0o600), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// maxLinks is how many links in a row Linux follows (path_resolution(7)).
const maxLinks = 40

// behindLinks returns where the links lead that path names, whether there is a file or not.
func behindLinks(path string) (string, error) {
	for range maxLinks {
		target, err := os.Readlink(path)
		if err != nil { // it is none
			return path, nil
		}
		if dir, _ := filepath.Split(path); !filepath.IsAbs(target) {
			target = dir + target // not cleaned: .. behind a link to a folder leads elsewhere
		}
		path = target
	}
	return "", &os.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
}
