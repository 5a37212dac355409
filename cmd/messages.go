package cmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

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
	text := strings.TrimRight(err.Error(), "\n")
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
