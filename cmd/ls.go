package cmd

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gocompose/gocompose/host"
)

type projectListFlags struct {
	all, quiet bool
	format     string
	filter     []string
}

func (a *app) lsCommand() *cobra.Command {
	var f projectListFlags
	c := &cobra.Command{
		Use:   "ls [OPTIONS]",
		Short: "List running projects",
		Long: "Lists the projects of this host of which containers run or are going to be started again, with how many; with --all\n" +
			"those, too, of which none does. A filter by name takes a part of it, or a regular expression. No Compose file is read.",
		Example: "gocompose ls -a\ngocompose ls --filter name=^shop --format json",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.listProjects(c.Context(), f) },
	}
	fs := c.Flags()
	fs.BoolVarP(&f.all, "all", "a", false, "Show all stopped Compose projects")
	fs.StringArrayVar(&f.filter, "filter", nil, "Filter output based on conditions provided: name")
	fs.StringVar(&f.format, "format", "table", `Format the output: table, json, or a Go template, as in "{{.Name}}: {{.Status}}"`)
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "Only display project names")
	return c
}

func (a *app) listProjects(ctx context.Context, f projectListFlags) error {
	filters, err := newFilters(f.filter, []string{"name"}, func(_, value string) (func(projectRow) bool, error) {
		re, err := regexp.Compile(value)
		return func(r projectRow) bool { return re.MatchString(r.Name) }, err
	})
	if err != nil {
		return err
	}
	r, err := listRows(f.format)
	if err != nil {
		return err
	}
	infos, err := a.allContainers(ctx)
	if err != nil {
		return err
	}
	items := slices.DeleteFunc(projectRows(infos, f.all), func(r projectRow) bool { return !filters.accept(r) })
	if f.quiet {
		return projectTable().writeNames(a.Out, items)
	}
	return projectTable().write(a.Out, items, f.format, r)
}

// projectRow is a project as docker compose's `ls --format json` has it.
type projectRow struct {
	Name        string
	Status      string // "exited(1), running(2)"
	ConfigFiles string // with commas between
}

func projectTable() list[projectRow] {
	return list[projectRow]{
		name:    func(r projectRow) string { return r.Name },
		headers: headers{"Name": "NAME", "Status": "STATUS", "ConfigFiles": "CONFIG FILES"},
		columns: []string{"NAME", "STATUS", "CONFIG FILES"},
		cells:   func(r projectRow) []string { return []string{r.Name, r.Status, r.ConfigFiles} },
		array:   true,
		wide:    true,
	}
}

// projectRows are the projects that containers are of, by name. Containers that do
// not run count only when all are asked for.
func projectRows(infos []host.Info, all bool) []projectRow {
	states, files := map[string]map[string]int{}, map[string][]string{}
	for _, i := range infos {
		name := i.Spec.Project
		if !all && !i.Running() {
			continue
		}
		if states[name] == nil {
			states[name] = map[string]int{}
		}
		states[name][string(i.State)]++
		for _, file := range i.Spec.Origin.ConfigFiles {
			if !slices.Contains(files[name], file) {
				files[name] = append(files[name], file)
			}
		}
	}
	rows := []projectRow{}
	for _, name := range slices.Sorted(maps.Keys(states)) {
		var counts []string
		for _, state := range slices.Sorted(maps.Keys(states[name])) {
			counts = append(counts, fmt.Sprintf("%s(%d)", state, states[name][state]))
		}
		rows = append(rows, projectRow{name, strings.Join(counts, ", "), cmp.Or(strings.Join(files[name], ","), notAvailable)})
	}
	return rows
}
