package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

func (a *app) volumeInspectCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "inspect [OPTIONS] VOLUME [VOLUME...]",
		Short: "Display detailed information on one or more volumes",
		Long: "Shows, as a JSON array in docker's form, all that is known of volumes. Their options are shown whole, with any\n" +
			"password that is among them. Nothing is started for it.",
		Example: "  gocompose volume inspect shop_data\n" +
			"  gocompose volume inspect --format '{{.Mountpoint}}' shop_data",
		Args:              atLeastOne("VOLUME"),
		ValidArgsFunction: a.volumeKind().complete,
		RunE: func(c *cobra.Command, names []string) error {
			return a.volumeInspect(c.Context(), format, names)
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "", "Format the output: json, or a Go template that is printed for each volume")
	return c
}

// volumeInspect shows the volumes that there are, even when not all are.
func (a *app) volumeInspect(ctx context.Context, format string, names []string) error {
	var r rows
	var err error
	if format != "" {
		if r, err = inspectionRows(format); err != nil {
			return err
		}
	}
	all, err := a.volumes(ctx)
	if err != nil {
		return err
	}
	found := []volumeInspection{}
	var errs []error
	for _, name := range names {
		v, err := volumeNamed(all, name)
		if err == nil {
			found = append(found, inspectVolume(v))
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, printResources(a.Out, r, format, found))...)
}

// volumeInspection is a volume as docker's `volume inspect` has it.
type volumeInspection struct {
	CreatedAt  string // RFC 3339
	Driver     string
	Labels     map[string]string // null: none
	Mountpoint string
	Name       string
	Options    map[string]string // null: none
	Scope      string
}

func inspectVolume(v host.Volume) volumeInspection {
	out := volumeInspection{
		CreatedAt:  v.CreatedAt.Format(time.RFC3339),
		Driver:     volumeDriver(v),
		Mountpoint: v.Mountpoint,
		Name:       v.Name,
		Options:    v.Options,
		Scope:      localScope,
	}
	if len(v.AllLabels) > 0 {
		out.Labels = v.AllLabels
	}
	return out
}
