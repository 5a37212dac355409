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
	fmt.Fprintln(a.Err, "warning:", text)
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
// have printed last: lines to stand below the error, each after a newline.
func lastOutput(err error) string {
	var b strings.Builder
	told := map[*planner.AwaitError]bool{}
	for _, e := range awaitErrors(err) {
		if len(e.Output) == 0 || told[e] {
			continue
		}
		told[e] = true
		fmt.Fprintf(&b, "\nlast output of %s:", e.Container)
		for _, line := range e.Output {
			b.WriteString("\n  " + strings.TrimRight(line, "\r\n"))
		}
	}
	return b.String()
}

// awaitErrors returns those that err is made of, in order.
func awaitErrors(err error) []*planner.AwaitError {
	switch e := err.(type) {
	case *planner.AwaitError:
		return []*planner.AwaitError{e}
	case interface{ Unwrap() error }:
		return awaitErrors(e.Unwrap())
	case interface{ Unwrap() []error }:
		var all []*planner.AwaitError
		for _, sub := range e.Unwrap() {
			all = append(all, awaitErrors(sub)...)
		}
		return all
	}
	return nil
}
