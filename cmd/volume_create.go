package cmd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
)

type volumeCreateFlags struct {
	driver, name    string
	options, labels []string
}

func (a *app) volumeCreateCommand() *cobra.Command {
	var f volumeCreateFlags
	c := &cobra.Command{
		Use:   "create [OPTIONS] [VOLUME]",
		Short: "Create a volume",
		Long: "Creates a volume that belongs to no project, or finds it made, and prints its name. Compose files use it as an\n" +
			"external one. Its options are those of driver_opts: see attributes.md. Without a name it gets one.",
		Example: "  gocompose volume create --opt type=none --opt o=bind --opt device=/srv/data data",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("%q needs one VOLUME at most, got %d arguments", c.CommandPath(), len(args))
			}
			if len(args) > 0 && f.name != "" {
				return usage("conflicting options: cannot specify a volume-name through both --name and as a positional arg")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, names []string) error {
			if len(names) > 0 {
				f.name = names[0]
			}
			return a.volumeCreate(c.Context(), f)
		},
	}
	fs := c.Flags()
	fs.StringVarP(&f.driver, "driver", "d", project.DriverLocal, "Specify volume driver name: local is the only one")
	fs.StringVar(&f.name, "name", "", "Specify volume name")
	fs.StringArrayVar(&f.labels, "label", nil, "Set metadata for a volume")
	fs.StringArrayVarP(&f.options, "opt", "o", nil, "Set driver specific options")
	hide(c, "name")
	return c
}

func (a *app) volumeCreate(ctx context.Context, f volumeCreateFlags) error {
	want, err := f.volume()
	if err != nil {
		return err
	}
	steps, err := a.volumeKind().change(ctx, volumeChange{
		title: "volume create",
		decide: func(all []host.Volume) volumeSteps {
			have, err := volumeNamed(all, want.Name)
			if err != nil {
				return volumeSteps{create: []project.Volume{want}}
			}
			if why := planner.DiffVolume(have.Volume.Volume, want); len(why) > 0 {
				return volumeSteps{refused: fmt.Errorf("volume %s is there by another definition (%s): remove it first, or choose another name", want.Name, why[0])}
			}
			return volumeSteps{}
		},
	})
	if err = errors.Join(err, steps.refused); err != nil || a.globals.dryRun {
		return err
	}
	fmt.Fprintln(a.Out, want.Name)
	return nil
}

// volume returns what the flags ask for.
func (f volumeCreateFlags) volume() (project.Volume, error) {
	o := loader.VolumeOptions{Name: f.name, Driver: f.driver}
	if f.name == "" {
		o.Name = anonymousName()
	}
	var err error
	if o.Options, err = keyValues("--opt", f.options); err != nil {
		return project.Volume{}, err
	}
	if o.Labels, err = keyValues("--label", f.labels); err != nil {
		return project.Volume{}, err
	}
	v, err := loader.Volume(o)
	v.Project, v.Anonymous = "", f.name == ""
	return v, inFlags(err)
}

// anonymousName is like Docker's: 64 hexadecimal digits.
func anonymousName() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
