package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

func (a *app) commitCommand() *cobra.Command {
	var commit host.Commit
	which := one{stopped: true}
	c := &cobra.Command{
		Use:   "commit [OPTIONS] SERVICE [REPOSITORY[:TAG]]",
		Short: "Create a new image from a service container's changes",
		Long: "Makes an image of a service's container: its image, what it has written, but not into what is mounted, and what\n" +
			"the Compose file says of environment, command, user and labels. The values of environment variables are in it. The\n" +
			"ID of the new image is printed.\n\n" +
			"-c changes how containers of the image are run, with the Dockerfile's instructions CMD, ENTRYPOINT, ENV, EXPOSE,\n" +
			"LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR.",
		Example: "  gocompose commit -m 'with tools' web shop/web:tools\n" +
			"  gocompose commit -c 'CMD [\"nginx\", \"-g\", \"daemon off;\"]' -c 'ENV DEBUG=1' web shop/web:debug",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usage("%q takes a service and the name of the image, got %q", c.CommandPath(), args)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			which.service = args[0]
			if len(args) > 1 {
				commit.Name = args[1]
			}
			return a.commit(c.Context(), which, commit)
		},
	}
	fs := c.Flags()
	fs.StringVarP(&commit.Author, "author", "a", "", `Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")`)
	fs.StringArrayVarP(&commit.Changes, "change", "c", nil, "Apply Dockerfile instruction to the created image")
	fs.StringVarP(&commit.Message, "message", "m", "", "Commit message")
	fs.BoolVarP(&commit.Pause, "pause", "p", true, "Pause container during commit")
	fs.IntVar(&which.index, "index", 0, "Index of the container if service has multiple replicas")
	return c
}

func (a *app) commit(ctx context.Context, which one, commit host.Commit) error {
	return a.withOne(ctx, which, func(ctx context.Context, h *host.Host, i host.Info) error {
		var id string
		err := a.telling(i.Name, told{"Committing", "Committed"}, "", func() (err error) {
			leased, lease, err := h.Lease(ctx, "")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, lease.End(context.WithoutCancel(ctx))) }()
			commit.Created = time.Now().UTC()
			img, err := h.Commit(leased, i.ID, commit)
			id = img.ID
			return err
		})
		if err == nil && id != "" {
			fmt.Fprintln(a.Out, id)
		}
		return err
	})
}
