package loader

import (
	"cmp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"github.com/gocompose/gocompose/project"
)

// doubledFiles finds secrets and configs that one file puts at one place in a
// service. compose-go takes the last and drops the others without a word, as it
// should for those of an earlier file.
func (s *source) doubledFiles(model *types.Project) Problems {
	var out Problems
	ps := newPositions(s)
	for name, service := range model.Services {
		if len(service.Secrets) == 0 && len(service.Configs) == 0 {
			continue
		}
		for _, file := range s.files {
			for _, doc := range ps.parsed(file.Filename) {
				for _, kind := range []project.FileKind{project.KindSecret, project.KindConfig} {
					for _, p := range doubledIn(valueOf(doc, []string{"services", name, section(kind)}), kind) {
						p.File, p.Path = s.display(file.Filename), "services."+name+"."+p.Path
						out = append(out, p)
					}
				}
			}
		}
	}
	return out
}

func doubledIn(list *yaml.Node, kind project.FileKind) Problems {
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	var out Problems
	var seen []string
	for i, item := range list.Content {
		name, asked := resolved(item).Value, ""
		if resolved(item).Kind == yaml.MappingNode {
			name, asked = text(item, "source"), text(item, "target")
		}
		target, problem := fileTarget(kind, name, asked)
		as := cmp.Or(asked, target) // by which compose-go knows it
		if problem != "" || strings.Contains(target, "$") {
			continue
		}
		if slices.Contains(seen, as) {
			out = append(out, Problem{
				Line: item.Line, Column: item.Column, Path: section(kind) + index(i),
				Text: "something else is mounted at " + target + " already",
			})
		}
		seen = append(seen, as)
	}
	return out
}

// text returns a scalar of a mapping.
func text(node *yaml.Node, key string) string {
	if _, value := entry(node, key); value != nil {
		return resolved(value).Value
	}
	return ""
}
