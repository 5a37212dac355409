package cmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/view"
)

// jsonError and jsonWarning are what docker compose writes beside the lines of
// --progress json, so that all of standard error is one object a line.
type jsonError struct {
	Error   bool   `json:"error"`
	Message string `json:"message"`
}

type jsonWarning struct {
	Level string `json:"level"`
	Msg   string `json:"msg"`
	Time  string `json:"time"`
}

func (a *app) warn(text string) {
	if a.inJSON() {
		a.writeJSON(jsonWarning{"warning", text, time.Now().Format(time.RFC3339)})
		return
	}
	w := a.Err
	if a.warnings != nil {
		w = a.warnings
	}
	fmt.Fprintln(w, "warning:", text)
}

func (a *app) printError(err error) {
	text := strings.TrimRight(err.Error(), "\n") + lastOutput(err)
	if a.inJSON() {
		a.writeJSON(jsonError{true, text})
		return
	}
	fmt.Fprintln(a.Err, text)
}

func (a *app) inJSON() bool { return a.globals.progress == string(view.ModeJSON) }

func (a *app) writeJSON(v any) {
	enc := json.NewEncoder(a.Err)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // there is nobody left to tell
}

// lastOutput returns, for people, what containers that were waited for in vain
// have printed last, and hooks that failed: lines to stand below the error, each
// after a newline.
func lastOutput(err error) string {
	var b strings.Builder
	told := map[error]bool{}
	for _, e := range failures(err) {
		of, lines := "", []string(nil)
		switch e := e.(type) {
		case *planner.AwaitError:
			of, lines = e.Container, e.Output
		case *planner.HookError:
			of, lines = string(e.At)+" of "+e.Container, e.Output
		}
		if len(lines) == 0 || told[e] {
			continue
		}
		told[e] = true
		fmt.Fprintf(&b, "\nlast output of %s:", of)
		for _, line := range lines {
			b.WriteString("\n  " + strings.TrimRight(line, "\r\n"))
		}
	}
	return b.String()
}

// failures returns the errors with output that err is made of, in order.
func failures(err error) []error {
	switch e := err.(type) {
	case *planner.AwaitError, *planner.HookError:
		return []error{e}
	case interface{ Unwrap() error }:
		return failures(e.Unwrap())
	case interface{ Unwrap() []error }:
		var all []error
		for _, sub := range e.Unwrap() {
			all = append(all, failures(sub)...)
		}
		return all
	}
	return nil
}
