package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/volumes"
)

type inspectFlags struct {
	index  int
	format string
}

func (a *app) inspectCommand() *cobra.Command {
	var f inspectFlags
	c := &cobra.Command{
		Use:   "inspect [OPTIONS] [SERVICE...]",
		Short: "Show all that is known of containers",
		Long: "Shows, as a JSON array with one object a container, what is known of the services' containers: what was asked for,\n" +
			"state and exit code, health with its last five checks and their output, addresses, ports, mounts, log files. The\n" +
			"values of environment variables are among it.",
		Example: "  gocompose inspect db\n" +
			"  gocompose inspect --format '{{.State.Status}} {{.Health.Status}}' db\n" +
			"  gocompose inspect --format '{{range .Health.Results}}{{.ExitCode}} {{.Output}}{{end}}' db",
		RunE: func(c *cobra.Command, services []string) error {
			return a.inspect(c.Context(), f, services)
		},
	}
	fs := c.Flags()
	fs.IntVar(&f.index, "index", 0, "Index of the container if service has multiple replicas")
	fs.StringVarP(&f.format, "format", "f", "json", "Format the output: json, or a Go template that is printed for each container")
	return c
}

func (a *app) inspect(ctx context.Context, f inspectFlags, services []string) error {
	if _, err := inspectionRows(f.format); err != nil {
		return err
	}
	if f.index < 0 {
		return usage("--index is %d: the number of a container, from 1", f.index)
	}
	_, infos, err := a.ofServices(ctx, services)
	if err != nil {
		return err
	}
	if f.index > 0 {
		infos = slices.DeleteFunc(infos, func(i host.Info) bool { return i.Spec.Replica != f.index })
	}
	for _, s := range services {
		if !slices.ContainsFunc(infos, func(i host.Info) bool { return i.Spec.Service == s }) {
			return errNoContainer(s, f.index)
		}
	}
	all, err := a.inspections(infos)
	if err != nil {
		return err
	}
	return a.printInspections(all, f.format)
}

func errNoContainer(service string, index int) error {
	if index > 0 {
		return fmt.Errorf("service %q has no container with the number %d: `gocompose ps -a %s` lists those it has", service, index, service)
	}
	return fmt.Errorf("service %q has no container: `gocompose up` makes it", service)
}

func (a *app) inspections(infos []host.Info) ([]inspection, error) {
	where, err := a.paths()
	if err != nil {
		return nil, err
	}
	at := places{volume: volumes.Open(where.Volumes(), where.UsedVolumes()).Data, logs: logFiles}
	all := make([]inspection, len(infos))
	for n, i := range infos {
		if all[n], err = inspect(i, at); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// inspectionRows returns the template of --format; json has none.
func inspectionRows(format string) (rows, error) {
	if format == "json" {
		return rows{}, nil
	}
	if strings.HasPrefix(format, "table") || !strings.Contains(format, "{{") {
		return rows{}, usage("unknown format %q: json, or a template like '{{.State.Status}}'", format)
	}
	return newRows(format)
}

func (a *app) printInspections(all []inspection, format string) error {
	r, err := inspectionRows(format)
	if err != nil {
		return err
	}
	if r.template == nil {
		enc := json.NewEncoder(a.Out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(all)
	}
	for _, one := range all {
		if err := r.line(a.Out, one); err != nil {
			return err
		}
	}
	return nil
}

// logFiles returns the files of a container's log, the newest first.
func logFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it was never started
	}
	if err != nil {
		return nil, err
	}
	var ages []int
	for _, e := range entries {
		if e.Name() == "log" {
			ages = append(ages, 0)
		} else if n, ok := strings.CutPrefix(e.Name(), "log."); ok {
			if age, err := strconv.Atoi(n); err == nil {
				ages = append(ages, age)
			}
		}
	}
	slices.Sort(ages)
	files := make([]string, len(ages))
	for i, age := range ages {
		files[i] = filepath.Join(dir, "log")
		if age > 0 {
			files[i] += "." + strconv.Itoa(age)
		}
	}
	return files, nil
}
