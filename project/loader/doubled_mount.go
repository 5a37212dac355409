package loader

import (
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// targetText matches what may be the target of a mount, in either syntax.
var targetText = lazily(`(?::|target:\s*["']?)(/[^\s:"',\]}]+)`)

// doubledMounts finds volumes that one file mounts at one place in a service.
// compose-go takes the last and drops the others without a word, as it should for
// those of an earlier file.
func (s *source) doubledMounts(model *types.Project) Problems {
	var out Problems
	ps := newPositions(s)
	for _, file := range s.files {
		if !repeats(file.Content) {
			continue // most files need not be read once more
		}
		for name := range model.Services {
			for _, doc := range ps.parsed(file.Filename) {
				for _, p := range doubledTargets(valueOf(doc, []string{"services", name, "volumes"})) {
					p.File, p.Path = s.display(file.Filename), "services."+name+"."+p.Path
					out = append(out, p)
				}
			}
		}
	}
	return out
}

// repeats tells whether something that may be a target is there twice.
func repeats(content []byte) bool {
	seen := map[string]bool{}
	for _, m := range targetText().FindAllSubmatch(content, -1) {
		target := path.Clean(string(m[1]))
		if seen[target] {
			return true
		}
		seen[target] = true
	}
	return false
}

func doubledTargets(list *yaml.Node) Problems {
	if list = resolved(list); list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	var out Problems
	var seen []string
	for i, item := range list.Content {
		node := resolved(item)
		target := text(node, "target")
		if node.Kind == yaml.ScalarNode {
			volume, err := format.ParseVolume(node.Value)
			if err != nil {
				continue // told elsewhere
			}
			target = volume.Target
		}
		if target == "" || strings.Contains(target, "$") {
			continue
		}
		if target = path.Clean(target); slices.Contains(seen, target) {
			out = append(out, Problem{
				Line: item.Line, Column: item.Column, Path: "volumes" + index(i),
				Text: "something else is mounted at " + target + " already",
			})
		}
		seen = append(seen, target)
	}
	return out
}
