package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/transfer"
	"github.com/gocompose/gocompose/view"
)

type cpFlags struct {
	archive, follow, all bool
	index                int
}

func (a *app) cpCommand() *cobra.Command {
	var f cpFlags
	c := &cobra.Command{
		Use:   "cp [OPTIONS] SERVICE:SRC_PATH DEST_PATH|-\n  gocompose cp [OPTIONS] SRC_PATH|- SERVICE:DEST_PATH",
		Short: "Copy files/folders between a service container and the local filesystem",
		Long: "Copies files and folders out of a service's container, or into all of its containers, whether they run or not, and\n" +
			"also below what is mounted there. With - in place of the local path a tar archive is written to standard output, or\n" +
			"read from standard input.\n\n" +
			"A folder is copied into a destination that is a folder, and to the name of one that is not there; of one that ends\n" +
			"in /. only what is in it is copied. In a container the copies are root's; here they are the user's, with no device\n" +
			"and no program that runs as its owner among them. With -a they have their owners.",
		Example: "  gocompose cp web:/etc/nginx/nginx.conf .\n" +
			"  gocompose cp ./site/. web:/usr/share/nginx/html\n" +
			"  gocompose cp db:/var/lib/data - | tar -t",
		Args: exactly(2),
		RunE: func(c *cobra.Command, args []string) error { return a.cp(c.Context(), f, args[0], args[1]) },
	}
	fs := c.Flags()
	fs.BoolVarP(&f.archive, "archive", "a", false, "Archive mode (copy all uid/gid information)")
	fs.BoolVarP(&f.follow, "follow-link", "L", false, "Always follow symbol link in SRC_PATH")
	fs.BoolVar(&f.all, "all", false, "Include containers created by the run command")
	fs.IntVar(&f.index, "index", 0, "Index of the container if service has multiple replicas")
	return c
}

// exactly refuses another number of arguments.
func exactly(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("%q takes %d arguments, got %q: see `%s --help`", c.CommandPath(), n, args, c.CommandPath())
		}
		return nil
	}
}

var copies = told{"Copying", "Copied"}

// stream is the path that stands for standard input or output.
const stream = "-"

// cpPath returns the service and the path of an argument. What begins with a dot
// or a slash is a local path, whatever is in it.
func cpPath(arg string) (service, path string) {
	before, after, found := strings.Cut(arg, ":")
	if !found || before == "" || strings.HasPrefix(arg, ".") || strings.Contains(before, "/") {
		return "", arg
	}
	return before, after
}

func (a *app) cp(ctx context.Context, f cpFlags, from, to string) error {
	source, sourcePath := cpPath(from)
	service, path := cpPath(to)
	switch {
	case f.index < 0:
		return usage("--index is %d: the number of a container, from 1", f.index)
	case source != "" && service != "":
		return usage("copying between services is not supported: copy to a local folder first")
	case source == "" && service == "":
		return usage("unknown copy direction: give one of the paths as SERVICE:PATH, or a local one as ./PATH")
	case sourcePath == "" || path == "":
		return usage("a path is empty: for the root of a container give SERVICE:/")
	}
	if source != "" {
		return a.copyOut(ctx, f, source, transfer.Place{Path: sourcePath}, path)
	}
	return a.copyIn(ctx, f, sourcePath, service, path)
}

// copyOut copies from the one container that is meant.
func (a *app) copyOut(ctx context.Context, f cpFlags, service string, from transfer.Place, to string) error {
	return a.withCopied(ctx, f, service, func(ctx context.Context, h *host.Host, infos []host.Info) error {
		i := infos[0]
		err := a.telling(i.Name, copies, fmt.Sprintf("%s:%s to %s", i.Name, from.Path, to), func() error {
			return h.Files(ctx, i.ID, func(ctx context.Context, root *os.File) error {
				from.Root = root
				source := transfer.Source{Place: from, Follow: f.follow}
				if to == stream {
					return packed(ctx, a.Out, func(w io.Writer) error { return transfer.Pack(w, source) })
				}
				dest, err := here(to)
				if err != nil {
					return err
				}
				defer dest.Root.Close()
				return transfer.Copy(ctx, source, dest, transfer.Rules{
					Owners: f.archive, Owner: transfer.Owner{UID: os.Getuid(), GID: os.Getgid()}, Foreign: true,
					Skipped: func(name, why string) { a.warn(fmt.Sprintf("%s is not copied: %s", name, why)) },
				})
			})
		})
		if err != nil {
			return fmt.Errorf("copying from container %s: %w", i.Name, err)
		}
		return nil
	})
}

// copyIn copies to all containers that are meant.
func (a *app) copyIn(ctx context.Context, f cpFlags, from, service, to string) error {
	rules := transfer.Rules{Owners: f.archive, Skipped: func(name, why string) { a.warn(fmt.Sprintf("%s is not copied: %s", name, why)) }}
	return a.withCopied(ctx, f, service, func(ctx context.Context, h *host.Host, infos []host.Info) error {
		if from == stream {
			return a.unpackInto(ctx, h, infos, to, rules)
		}
		for _, i := range infos {
			err := a.telling(i.Name, copies, fmt.Sprintf("%s to %s:%s", from, i.Name, to), func() error {
				source, err := here(from)
				if err != nil {
					return err
				}
				defer source.Root.Close()
				return h.Files(ctx, i.ID, func(ctx context.Context, root *os.File) error {
					return transfer.Copy(ctx, transfer.Source{Place: source, Follow: f.follow}, transfer.Place{Root: root, Path: to}, rules)
				})
			})
			if err != nil {
				return fmt.Errorf("copying to container %s: %w", i.Name, err)
			}
		}
		return nil
	})
}

// unpackInto unpacks standard input into all containers at once: it can be read
// only once.
func (a *app) unpackInto(ctx context.Context, h *host.Host, infos []host.Info, to string, rules transfer.Rules) error {
	group, ctx := errgroup.WithContext(ctx)
	var ends []io.Writer
	var pipes []*io.PipeWriter
	for _, i := range infos {
		r, w := io.Pipe()
		ends, pipes = append(ends, w), append(pipes, w)
		group.Go(func() error {
			err := a.telling(i.Name, copies, fmt.Sprintf("%s to %s:%s", stream, i.Name, to), func() error {
				return h.Files(ctx, i.ID, func(ctx context.Context, root *os.File) error {
					// A read that waits for the user is not ended by ctx.
					defer context.AfterFunc(ctx, func() { r.CloseWithError(context.Cause(ctx)) })()
					return transfer.Unpack(ctx, r, transfer.Place{Root: root, Path: to}, rules)
				})
			})
			if err == nil {
				return nil
			}
			err = fmt.Errorf("copying to container %s: %w", i.Name, err)
			r.CloseWithError(err)
			return err
		})
	}
	err := passed(ctx, io.MultiWriter(ends...), a.In)
	for _, w := range pipes {
		w.CloseWithError(err)
	}
	return cmp.Or(group.Wait(), err)
}

// packed writes what pack does.
func packed(ctx context.Context, to io.Writer, pack func(io.Writer) error) error {
	r, w := io.Pipe()
	var group errgroup.Group
	group.Go(func() error {
		err := pack(w)
		w.CloseWithError(err)
		return err
	})
	err := passed(ctx, to, r)
	r.CloseWithError(err)
	return cmp.Or(err, group.Wait())
}

// passed copies a stream. When ctx ends that is left behind: what reads from a
// terminal or writes into a pipe cannot be called off.
func passed(ctx context.Context, w io.Writer, r io.Reader) error {
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(w, r)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// here returns a local path as a place. Its end, which means something, stays.
func here(path string) (transfer.Place, error) {
	whole := path
	if !filepath.IsAbs(path) {
		dir, err := os.Getwd()
		if err != nil {
			return transfer.Place{}, err
		}
		whole = dir + "/" + path
	}
	return transfer.OnHost(whole)
}

// withCopied runs do with the containers of the service that cp is about, those
// that run first.
func (a *app) withCopied(ctx context.Context, f cpFlags, service string, do func(context.Context, *host.Host, []host.Info) error) error {
	return a.withService(ctx, service, func(ctx context.Context, h *host.Host, infos []host.Info) error {
		infos = slices.DeleteFunc(infos, func(i host.Info) bool {
			return i.Spec.Service != service || i.Spec.OneOff() && (!f.all || f.index > 0) || f.index > 0 && i.Spec.Replica != f.index
		})
		if len(infos) == 0 {
			return errNoContainer(service, f.index)
		}
		slices.SortStableFunc(infos, func(x, y host.Info) int {
			return cmp.Or(last(!x.Running(), !y.Running()), last(x.Spec.OneOff(), y.Spec.OneOff()), cmp.Compare(x.Spec.Replica, y.Spec.Replica))
		})
		return readable(do(ctx, h, infos))
	})
}

// readable adds to an error what a user can do about it.
func readable(err error) error {
	if errors.Is(err, unix.EROFS) {
		return fmt.Errorf("%w: the container has it read-only, or it is a tmpfs, which is there while the container runs", err)
	}
	return err
}

// told are docker compose's words for what is done without a plan.
type told struct{ doing, done string }

// telling does something without a plan, and tells so. With --dry-run it only
// tells.
func (a *app) telling(id string, words told, details string, do func() error) error {
	w, opt := a.progress(change{})
	if err := view.Tell(w, opt, view.Telling{ID: id, Text: words.doing, Details: details}); err != nil {
		return err
	}
	if !a.globals.dryRun {
		if err := do(); err != nil {
			return err
		}
	}
	return view.Tell(w, opt, view.Telling{ID: id, Text: words.done, Details: details, Done: true})
}
