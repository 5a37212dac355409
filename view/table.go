package view

import (
	"io"
	"strings"
	"text/tabwriter"
)

// Table is columns of text as Docker's commands print them: at least ten wide,
// three spaces between.
type Table struct {
	lines []string
}

// NewTable returns a table with a header.
func NewTable(header ...string) *Table {
	t := &Table{}
	t.Row(header...)
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
	out := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	for _, l := range t.lines {
		if _, err := io.WriteString(out, l+"\n"); err != nil {
			return err
		}
	}
	return out.Flush()
}
