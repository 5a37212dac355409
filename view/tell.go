package view

import (
	"io"

	"github.com/gocompose/gocompose/project"
)

// Telling is news about something that is done without a plan, in the words of
// docker compose: "shop-web-1", "Copying", "shop-web-1:/etc to -".
type Telling struct {
	ID, Text, Details string
	Done              bool
}

// Tell shows it in a line.
func Tell(w io.Writer, opt ProgressOptions, t Telling) error {
	if opt.Mode == ModeTTY {
		opt.Mode = ModePlain // nothing moves
	}
	p := NewProgress(w, opt)
	u := update{key: project.ID{Name: t.ID}, id: t.ID, status: working, text: t.Text, details: t.Details}
	if t.Done {
		u.status = done
	}
	p.out.begin(1)
	p.out.show(u)
	return p.out.end()
}
