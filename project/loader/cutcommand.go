package loader

import (
	"fmt"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/mattn/go-shellwords"
	"go.yaml.in/yaml/v4"
)

// mayBeCut matches files with a command in which a shell would see more than words.
var mayBeCut = lazily(`(?s)(?:command|entrypoint):.*[;&|<>]`)

// cutCommands finds commands that are texts, of which compose-go takes the words up
// to what only a shell understands, and drops the rest without a word.
func (s *source) cutCommands(model *types.Project) Problems {
	var out Problems
	ps := newPositions(s)
	for _, file := range s.files {
		if !mayBeCut().Match(file.Content) {
			continue
		}
		for name := range model.Services {
			for _, doc := range ps.parsed(file.Filename) {
				for _, p := range cutIn(valueOf(doc, []string{"services", name})) {
					p.File, p.Path = s.display(file.Filename), "services."+name+"."+p.Path
					out = append(out, p)
				}
			}
		}
	}
	return out.sorted()
}

func cutIn(service *yaml.Node) Problems {
	var out Problems
	look := func(of *yaml.Node, key, path string) {
		_, value := entry(of, key)
		if value = resolved(value); value == nil || value.Kind != yaml.ScalarNode {
			return
		}
		if rest := afterWords(value.Value); rest != "" {
			out = append(out, Problem{Line: value.Line, Column: value.Column, Path: path,
				Text: fmt.Sprintf("no shell runs this, and what follows the words is left out: %q; for a shell write [sh, -c, \"…\"]", rest)})
		}
	}
	look(service, "command", "command")
	look(service, "entrypoint", "entrypoint")
	for _, hook := range []string{"pre_start", "post_start", "pre_stop"} {
		_, list := entry(service, hook)
		if list = resolved(list); list == nil || list.Kind != yaml.SequenceNode {
			continue
		}
		for i, item := range list.Content {
			look(resolved(item), "command", hook+index(i)+".command")
			look(resolved(item), "entrypoint", hook+index(i)+".entrypoint")
		}
	}
	return out
}

// afterWords returns what is behind the words of a command; empty: all is words.
func afterWords(command string) string {
	words := shellwords.NewParser()
	if _, err := words.Parse(command); err != nil || words.Position < 0 {
		return "" // compose-go has an error, or took it all
	}
	return strings.TrimSpace(string([]rune(command)[words.Position:]))
}
