package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/view"
)

type configFlags struct {
	format, hash, output                              string
	quiet                                             bool
	services, volumes, networks, images, profiles     bool
	models                                            bool
	variables, environment                            bool
	noInterpolate, noNormalize, noPaths, noConsistent bool
	noEnv                                             bool
	resolve, lock, yes                                bool
}

func (a *app) configCommand() *cobra.Command {
	var f configFlags
	c := &cobra.Command{
		Use:     "config [OPTIONS] [SERVICE...]",
		Aliases: []string{"convert"},
		Short:   "Parse, resolve and render the Compose file in canonical form",
		Long: "Prints the Compose files as one, with all that they mean written out, or lists of what is in it. What it prints can be\n" +
			"used as a Compose file. Attributes that gocompose does not honour are among it.",
		Example: "gocompose config --services\n" +
			"gocompose config --lock-image-digests -o compose.lock.yaml",
		RunE: func(c *cobra.Command, services []string) error {
			return a.config(c.Context(), f, services)
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.format, "format", "", "Format the output. Values: [yaml | json]. (Default: yaml; of --variables a table)")
	fs.StringVar(&f.hash, "hash", "", `Print the service config hash, one per line. "*" means all services`)
	fs.StringVarP(&f.output, "output", "o", "", "Save to file (default to stdout)")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Only validate the configuration, don't print anything")
	fs.BoolVar(&f.services, "services", false, "Print the service names, one per line")
	fs.BoolVar(&f.volumes, "volumes", false, "Print the volume names, one per line")
	fs.BoolVar(&f.networks, "networks", false, "Print the network names, one per line")
	fs.BoolVar(&f.images, "images", false, "Print the image names, one per line")
	fs.BoolVar(&f.models, "models", false, "Print the model names, one per line")
	fs.BoolVar(&f.profiles, "profiles", false, "Print the profile names, one per line")
	fs.BoolVar(&f.variables, "variables", false, "Print model variables and default values")
	fs.BoolVar(&f.environment, "environment", false, "Print environment used for interpolation")
	fs.BoolVar(&f.noInterpolate, "no-interpolate", false, "Don't interpolate environment variables")
	fs.BoolVar(&f.noNormalize, "no-normalize", false, "Don't normalize compose model")
	fs.BoolVar(&f.noPaths, "no-path-resolution", false, "Don't resolve file paths")
	fs.BoolVar(&f.noConsistent, "no-consistency", false, "Don't check model consistency - warning: may produce invalid Compose output")
	fs.BoolVar(&f.resolve, "resolve-image-digests", false, "Pin image tags to digests, for which registries are asked")
	fs.BoolVar(&f.lock, "lock-image-digests", false, "Produces an override file with image digests")
	fs.BoolVarP(&f.yes, "yes", "y", false, yesUsage)
	fs.BoolVar(&f.noEnv, "no-env-resolution", false, "Don't resolve service env files")
	return c
}

func (a *app) config(ctx context.Context, f configFlags, services []string) error {
	if !slices.Contains([]string{"", "yaml", "json"}, f.format) {
		return usage("unknown format %q: yaml or json", f.format)
	}
	if f.output != "" && a.globals.dryRun {
		return usage("--dry-run writes no file: leave --output out, and the file is printed")
	}
	opt, err := a.loadOptions()
	if err != nil {
		return err
	}
	opt.Services = services
	text, err := f.render(ctx, a, opt)
	if err != nil || f.quiet {
		return err
	}
	if f.output != "" {
		return os.WriteFile(f.output, text, 0o666)
	}
	_, err = a.Out.Write(text)
	return err
}

// render returns what the flags ask for.
func (f configFlags) render(ctx context.Context, a *app, opt loader.Options) ([]byte, error) {
	if f.variables {
		return f.variablesText(ctx, opt)
	}
	m, err := loader.LoadModel(ctx, opt, loader.ModelOptions{
		NoInterpolate:    f.noInterpolate,
		NoNormalize:      f.noNormalize,
		NoPathResolution: f.noPaths,
		NoConsistency:    f.noConsistent,
		NoEnvResolution:  f.noEnv,
	})
	if err == nil && (f.resolve || f.lock) && !f.quiet {
		if err = a.mayRead(ctx, "config", f.yes, m.Name(), m.Elsewhere()); err == nil {
			err = pinImages(ctx, m)
		}
	}
	if err == nil && f.lock {
		m = m.ImagesOnly()
	}
	switch {
	case err != nil:
		return nil, err
	case f.services:
		return lines(m.Services()), nil
	case f.volumes:
		return lines(m.Volumes()), nil
	case f.networks:
		return lines(m.Networks()), nil
	case f.images:
		return lines(m.Images()), nil
	case f.models:
		return lines(m.Models()), nil
	case f.profiles:
		return lines(m.Profiles()), nil
	case f.environment:
		return lines(m.Environment()), nil
	case f.hash != "":
		return hashes(m, f.hash)
	case f.format == "json":
		return m.JSON()
	default:
		return m.YAML()
	}
}

func lines(all []string) []byte {
	if len(all) == 0 {
		return nil
	}
	return []byte(strings.Join(all, "\n") + "\n")
}

// hashes returns "service hash" lines of one service, of several with commas
// between, or of all ("*").
func hashes(m *loader.Model, which string) ([]byte, error) {
	services := strings.Split(which, ",")
	if which == "*" {
		services = m.Services()
	}
	var out []string
	var errs []error
	for _, s := range services {
		h, err := m.Hash(s)
		errs = append(errs, err)
		out = append(out, s+" "+h)
	}
	return lines(out), errors.Join(errs...)
}

// variablesText returns the variables of the files: a table, or a map of each to
// what is known of it, with docker compose's keys.
func (f configFlags) variablesText(ctx context.Context, opt loader.Options) ([]byte, error) {
	found, err := loader.Variables(ctx, opt)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	switch f.format {
	case "json":
		byName := map[string]jsonVariable{}
		for _, v := range found {
			byName[v.Name] = jsonVariable{v.Name, v.Default, v.Alternate, v.Required}
		}
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "    ")
		err = enc.Encode(byName)
	case "yaml":
		byName := map[string]yamlVariable{}
		for _, v := range found {
			byName[v.Name] = yamlVariable{v.Name, v.Default, v.Alternate, v.Required}
		}
		err = yaml.NewEncoder(&out).Encode(byName)
	default:
		t := view.NewWideTable("NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE")
		for _, v := range found {
			t.Row(v.Name, strconv.FormatBool(v.Required), v.Default, v.Alternate)
		}
		err = t.Write(&out)
	}
	return out.Bytes(), err
}

type jsonVariable struct {
	Name          string
	DefaultValue  string
	PresenceValue string
	Required      bool
}

// yamlVariable has the keys that YAML makes of the same names.
type yamlVariable struct {
	Name          string `yaml:"name"`
	DefaultValue  string `yaml:"defaultvalue"`
	PresenceValue string `yaml:"presencevalue"`
	Required      bool   `yaml:"required"`
}
