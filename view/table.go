package view

import (
	"io"
	"strings"
	"text/tabwriter"
)

// Table is columns of text as Docker's commands print them.
type Table struct {
	lines      []string
	width, gap int // what columns have at least, and what is between them
}

// NewTable returns a table with a header. Columns are at least ten wide, with three
// spaces between, as those of docker's commands.
func NewTable(header ...string) *Table {
	t := &Table{width: 10, gap: 3}
	t.Row(header...)
	return t
}

// NewNarrowTable is NewTable with columns at least four wide, two spaces between,
// as docker compose has those of processes.
func NewNarrowTable(header ...string) *Table {
	t := &Table{width: 4, gap: 2}
	t.Row(header...)
	return t
}

// NewWideTable returns a table whose columns are at least twenty wide, as those of
// some of docker compose's commands.
func NewWideTable(header ...string) *Table {
	t := NewTable(header...)
	t.width = 20
	return t
}

// Row adds a row. Cells stay within their columns whatever they contain.
func (t *Table) Row(cells ...string) {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = oneLine(c)
	}
	t.lines = append(t.lines, strings.Join(safe, "\t"))
}

// Write writes the table. Nothing is padded at the end of a line.
func (t *Table) Write(w io.Writer) error {
	var b strings.Builder
	columns := tabwriter.NewWriter(&b, t.width, 1, t.gap, ' ', 0)
	if _, err := io.WriteString(columns, strings.Join(t.lines, "\n")+"\n"); err != nil {
		return err
	}
	if err := columns.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}
