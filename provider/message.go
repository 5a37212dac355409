package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// message is one line of a provider's standard output.
type message struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// answer is what a provider has said. Its variables may be secret: no error tells
// a line that could hold one.
type answer struct {
	prefix    string
	print     func(string)
	variables map[string]string
	problems  []string // the provider's own words
	err       error    // the first line that is none of the protocol
}

func newAnswer(service string, print func(string)) *answer {
	return &answer{prefix: prefix(service), print: print, variables: map[string]string{}}
}

// prefix is what the names of a service's variables begin with: "MY_DB_".
func prefix(service string) string {
	return strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(service)) + "_"
}

// line reads one line.
func (a *answer) line(text string) {
	if strings.TrimSpace(text) == "" || a.err != nil {
		return
	}
	var m message
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		a.err = errors.New("it printed a line that is no JSON object with type and message; only such may go to its standard output")
		return
	}
	switch m.Type {
	case "info":
		a.print(firstLine(m.Message))
	case "error":
		a.problems = append(a.problems, strings.TrimSpace(m.Message))
	case "debug":
	case "setenv":
		a.set(a.prefix, m.Message)
	case "rawsetenv":
		a.set("", m.Message)
	default:
		a.err = fmt.Errorf("it printed a message of type %q, which is none of info, error, debug, setenv, rawsetenv", m.Type)
	}
}

func (a *answer) set(prefix, text string) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" || strings.ContainsRune(text, 0) {
		a.err = errors.New("it set a variable in another form than NAME=value")
		return
	}
	a.variables[prefix+name] = value
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return first
}

// lines calls each for every line that is written to it.
type lines struct {
	each func(string)
	rest []byte
}

// Write never fails.
func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(b), nil
		}
		l.each(string(l.rest[:i]))
		l.rest = l.rest[i+1:]
	}
}

// end gives out a last line without an end.
func (l *lines) end() {
	if len(l.rest) > 0 {
		l.each(string(l.rest))
		l.rest = nil
	}
}
