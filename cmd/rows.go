package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/gocompose/gocompose/host"
)

// rows is a Go template for each row, as docker's --format has it. With "table "
// before the template there is a header, and what is between tabs is aligned.
type rows struct {
	template *template.Template
	table    bool
}

func newRows(format string) (rows, error) {
	text, table := strings.CutPrefix(format, "table ")
	if !strings.Contains(text, "{{") {
		return rows{}, usage("unknown format %q: table, json, or a template like '{{.Name}}'", format)
	}
	text = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(text)
	t, err := template.New("--format").Funcs(template.FuncMap{
		"json":  jsonText,
		"join":  strings.Join,
		"lower": strings.ToLower,
		"split": strings.Split,
		"upper": strings.ToUpper,
	}).Option("missingkey=error").Parse(text)
	if err != nil {
		return rows{}, usage("%v", err)
	}
	return rows{t, table}, nil
}

func jsonText(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// headers are what docker writes above the columns of fields.
type headers map[string]string

// Label is the header of a label's column.
func (headers) Label(name string) string { return name }

func containerHeaders() headers {
	return headers{
		"Command": "COMMAND", "CreatedAt": "CREATED AT", "ExitCode": "EXIT CODE", "Health": "HEALTH", "ID": "CONTAINER ID",
		"Image": "IMAGE", "Labels": "LABELS", "LocalVolumes": "LOCAL VOLUMES", "Mounts": "MOUNTS", "Name": "NAME", "Names": "NAMES",
		"Networks": "NETWORKS", "Ports": "PORTS", "Project": "PROJECT", "Publishers": "PUBLISHERS", "RunningFor": "CREATED",
		"Service": "SERVICE", "Size": "SIZE", "State": "STATE", "Status": "STATUS",
	}
}

// writeRows writes a line for each item.
func writeRows[T any](w io.Writer, r rows, header headers, items []T) (err error) {
	if r.table {
		tabs := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
		defer func() {
			if err == nil {
				err = tabs.Flush()
			}
		}()
		if err := r.line(tabs, header); err != nil {
			return err
		}
		w = tabs
	}
	for _, item := range items {
		if err := r.line(w, item); err != nil {
			return err
		}
	}
	return nil
}

func (r rows) line(w io.Writer, data any) error {
	if err := r.template.Execute(w, data); err != nil {
		return fmt.Errorf("--format: %w", err)
	}
	_, err := fmt.Fprintln(w)
	return err
}

func (a *app) printRows(infos []host.Info, f psFlags) error {
	r, err := newRows(f.format)
	if err != nil {
		return err
	}
	items := make([]description, len(infos))
	for i, info := range infos {
		items[i] = describe(info, f.noTrunc)
	}
	return writeRows(a.Out, r, containerHeaders(), items)
}
