package cmd

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/view"
)

func (a *app) containerLogsCommand() *cobra.Command {
	var f logsFlags
	c := &cobra.Command{
		Use:   "logs [OPTIONS] CONTAINER",
		Short: "Fetch the logs of a container",
		Long: "Prints what a container has printed, and nothing before it: what went to its standard output on the standard\n" +
			"output, what went to its standard error on the standard error.",
		Example:           "gocompose container logs --tail 100 --follow shop-web-1",
		Args:              exactlyOne("CONTAINER"),
		ValidArgsFunction: a.completeContainers,
		RunE: func(c *cobra.Command, names []string) error {
			return a.containerLogs(c.Context(), f, names[0])
		},
	}
	f.add(c.Flags())
	return c
}

func (a *app) containerLogs(ctx context.Context, f logsFlags, name string) error {
	q, err := f.query(time.Now())
	if err != nil {
		return err
	}
	h, all, err := a.openContainers(ctx, "")
	if err != nil {
		return err
	}
	defer h.Close()
	info, err := containerNamed(all, name)
	if err != nil {
		return err
	}
	infos := []host.Info{info}
	a.warnOfUnkept(infos)
	lines := view.NewLogs(a.Out, view.LogOptions{NoPrefix: true, Timestamps: f.timestamps, Buffered: true, Stderr: a.Err})
	if !f.follow {
		return printLogs(ctx, lines, infos, q)
	}
	where, err := a.paths()
	if err != nil {
		return err
	}
	everything := func(string, int) bool { return true }
	return followLogs(ctx, newAttachment(hostWorld{h, where}, lines, attachOptions{
		project: info.Spec.Project, only: info.ID, shows: everything, minds: everything, began: time.Now(), names: logNames(infos),
	}), infos, q)
}
