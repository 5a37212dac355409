package cmd

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
)

func (a *app) volumesCommand() *cobra.Command {
	var f volumeListFlags
	c := &cobra.Command{
		Use:   "volumes [OPTIONS] [SERVICE...]",
		Short: "List volumes",
		Long: "Lists the volumes that were made for the project; with services, those of them that their containers have.\n" +
			"Anonymous volumes are not among them: they are in `gocompose volume ls`.",
		Example: "gocompose volumes --quiet\ngocompose volumes --format '{{.Name}}: {{.Mountpoint}}' db",
		RunE: func(c *cobra.Command, services []string) error {
			return a.projectVolumes(c.Context(), f, services)
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.format, "format", "table", volumeFormat)
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Only display volume names")
	return c
}

func (a *app) projectVolumes(ctx context.Context, f volumeListFlags, services []string) error {
	r, err := listRows(f.format)
	if err != nil {
		return err
	}
	name, _, err := a.wanted(ctx, change{fileless: true, load: existing})
	if err != nil {
		return err
	}
	all, err := a.volumes(ctx)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(v host.Volume) bool { return v.Project != name || v.Anonymous })
	if len(services) > 0 {
		_, infos, err := a.ofServices(ctx, services)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(v host.Volume) bool {
			return !slices.ContainsFunc(infos, func(i host.Info) bool { return hasVolume(i.Spec, v.Name) })
		})
	}
	return a.printVolumes(all, f, r)
}

func hasVolume(c project.Container, name string) bool {
	return slices.ContainsFunc(c.Mounts, func(m project.Mount) bool { return m.Type == project.MountVolume && m.Source == name })
}
