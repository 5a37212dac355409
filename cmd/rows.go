package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/gocompose/gocompose/view"
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
	t, err := template.New("--format").Funcs(templateFunctions()).Option("missingkey=error").Parse(text)
	if err != nil {
		return rows{}, usage("%v", err)
	}
	return rows{t, table}, nil
}

// headers are what docker writes above the columns of fields.
type headers map[string]string

// Label is the header of a label's column.
func (headers) Label(name string) string { return name }

// writeRows writes a line for each item.
func writeRows[T any](w io.Writer, r rows, header headers, items []T) (err error) {
	if r.table {
		tabs := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
		defer func() {
			if err == nil {
				err = tabs.Flush()
			}
		}()
		if err := r.header(tabs, header); err != nil {
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

// header writes the template with the headers in place of the fields.
func (r rows) header(w io.Writer, header headers) error {
	of, err := r.template.Clone()
	if err != nil {
		return err
	}
	return rows{of.Funcs(headerFunctions()), true}.line(w, header)
}

func (r rows) line(w io.Writer, data any) error {
	if err := r.template.Execute(w, data); err != nil {
		return fmt.Errorf("--format: %w", err)
	}
	_, err := fmt.Fprintln(w)
	return err
}

// list is how docker's lists look in their formats.
type list[T any] struct {
	name    func(T) string // what --quiet leaves
	headers headers        // of templates
	columns []string
	cells   func(T) []string
	// array: in JSON they are one array, not an object a line.
	array bool
	wide  bool // the table's columns
}

// listRows returns the template of a list's format; there is none of table and json.
func listRows(format string) (rows, error) {
	if format == "table" || format == "json" {
		return rows{}, nil
	}
	return newRows(format)
}

// write writes the items in a format, of which r are the listRows.
func (l list[T]) write(w io.Writer, items []T, format string, r rows) error {
	switch {
	case format == "json" && l.array:
		return encodeArray(w, items)
	case format == "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for _, i := range items {
			if err := enc.Encode(i); err != nil {
				return err
			}
		}
		return nil
	case r.template != nil:
		return writeRows(w, r, l.headers, items)
	}
	t := view.NewTable(l.columns...)
	if l.wide {
		t = view.NewWideTable(l.columns...)
	}
	for _, i := range items {
		t.Row(l.cells(i)...)
	}
	return t.Write(w)
}

// encodeArray writes the items as one array, in one line.
func encodeArray[T any](w io.Writer, items []T) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(orNone(items))
}

// writeNames writes what --quiet leaves.
func (l list[T]) writeNames(w io.Writer, items []T) error {
	for _, i := range items {
		if _, err := fmt.Fprintln(w, l.name(i)); err != nil {
			return err
		}
	}
	return nil
}
