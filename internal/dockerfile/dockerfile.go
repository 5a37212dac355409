// Package dockerfile reads in Dockerfiles which images a build begins with.
package dockerfile

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Images returns the images that a build of target, or of the last stage, is made
// from: those of FROM, COPY --from and RUN --mount from=, as they are written, with args in the
// place of variables; sorted. Contexts are names that stand for something else.
func Images(text []byte, target string, args map[string]string, contexts []string) ([]string, error) {
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	stages, meta, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	r := reader{
		stages: stages, lex: shell.NewLex(parsed.EscapeToken), vars: variables(meta, args),
		contexts: contexts, images: map[string]bool{}, seen: map[int]bool{},
	}
	if last := r.target(target); last >= 0 {
		r.stage(last)
	}
	return slices.Sorted(maps.Keys(r.images)), nil
}

// variables are those that FROM knows: of the ARGs before it.
func variables(meta []instructions.ArgCommand, args map[string]string) variableMap {
	vars := variableMap{}
	lex := shell.NewLex('\\')
	for _, command := range meta {
		for _, arg := range command.Args {
			if value, ok := args[arg.Key]; ok {
				vars[arg.Key] = value
			} else if arg.Value != nil {
				if value, _, err := lex.ProcessWord(*arg.Value, vars); err == nil {
					vars[arg.Key] = value
				}
			}
		}
	}
	return vars
}

type variableMap map[string]string

// Get implements shell.EnvGetter.
func (v variableMap) Get(name string) (string, bool) {
	value, ok := v[name]
	return value, ok
}

// Keys implements shell.EnvGetter.
func (v variableMap) Keys() []string { return slices.Sorted(maps.Keys(v)) }

type reader struct {
	stages   []instructions.Stage
	lex      *shell.Lex
	vars     variableMap
	contexts []string
	images   map[string]bool
	seen     map[int]bool // stages
}

// target returns the stage of a name or number, or -1.
func (r *reader) target(name string) int {
	if name == "" {
		return len(r.stages) - 1
	}
	return r.find(name, len(r.stages))
}

// find returns the stage of a name or number before another one, or -1.
func (r *reader) find(name string, before int) int {
	for i := before - 1; i >= 0; i-- {
		if strings.EqualFold(r.stages[i].Name, name) {
			return i
		}
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < before {
		return n
	}
	return -1
}

func (r *reader) stage(i int) {
	if r.seen[i] {
		return
	}
	r.seen[i] = true
	base, _, err := r.lex.ProcessWord(r.stages[i].BaseName, r.vars)
	if err == nil {
		r.from(base, i)
	}
	for _, command := range r.stages[i].Commands {
		switch c := command.(type) {
		case *instructions.CopyCommand:
			r.from(c.From, i)
		case *instructions.RunCommand:
			for _, m := range instructions.GetMounts(c) {
				r.from(m.From, i)
			}
		}
	}
}

// from notes what a stage takes from: another stage before it, or an image.
func (r *reader) from(name string, stage int) {
	if name == "" {
		return
	}
	if before := r.find(name, stage); before >= 0 {
		r.stage(before)
		return
	}
	if name != "scratch" && !slices.Contains(r.contexts, name) && !strings.Contains(name, "$") {
		r.images[name] = true
	}
}
