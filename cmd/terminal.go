package cmd

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/gocompose/gocompose/view"
)

// isTerminal tells whether w is one.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// asks tells whether there is somebody who can answer: what is typed comes from a
// terminal, and what is asked is seen.
func (a *app) asks() bool {
	in, ok := a.In.(*os.File)
	return ok && term.IsTerminal(int(in.Fd())) && isTerminal(a.Err)
}

// look is what is known of how output to w may look.
func (a *app) look(w io.Writer) view.Look {
	return view.Look{
		ANSI:     a.globals.ansi,
		NoColor:  os.Getenv("NO_COLOR"),
		Term:     os.Getenv("TERM"),
		Terminal: isTerminal(w),
	}
}

// progress is where steps are shown: standard error, or standard output when
// COMPOSE_STATUS_STDOUT asks for it.
func (a *app) progress(c change) (io.Writer, view.ProgressOptions) {
	w := a.Err
	if a.envBool("COMPOSE_STATUS_STDOUT") {
		w = a.Out
	}
	look := a.look(w)
	return w, view.ProgressOptions{
		Mode:    look.Mode(view.Mode(a.globals.progress)),
		Title:   c.title,
		Colour:  look.Colours(),
		DryRun:  a.globals.dryRun,
		Hide:    c.hide,
		Console: c.console,
	}
}
