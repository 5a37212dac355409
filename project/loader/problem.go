package loader

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoFile is in the error's chain when no file was named and none was found.
var ErrNoFile = errors.New("no compose file found")

// Problem is one thing in the files that keeps a project from being loaded.
type Problem struct {
	// File is relative to the working directory when it lies beneath it,
	// absolute otherwise, "-" for standard input.
	File string
	// Line and Column count from 1; both are 0 when the place is not known.
	Line, Column int
	// Path is the place in the model, "services.web.ports[0]", or empty.
	Path string
	Text string
}

// String returns "compose.yaml:12:5: services.web.restart: text", without the
// parts that are not known.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	for _, part := range []string{p.Path, p.Text} {
		if part == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(part)
	}
	return b.String()
}

// Problems are all that is wrong with the files, sorted by file and line.
type Problems []Problem

// Error returns one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
