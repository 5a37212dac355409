package loader

import (
	"fmt"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// mountOptions are what may follow the second colon of a volume. compose-go
// drops anything else without a word. The last four say how other systems than
// Linux keep files alike; here they have no effect, as `consistency`.
var mountOptions = append([]string{
	"ro", "rw", "nocopy", "z", "Z", "cached", "consistent", "default", "delegated",
}, propagations[1:]...)

// mayHaveOptions matches files in which a volume may have options.
var mayHaveOptions = lazily(`:[^\s:]+:[A-Za-z]`)

// strayMountOptions finds options of mounts that mean nothing.
func (s *source) strayMountOptions(model *types.Project) Problems {
	if !slices.ContainsFunc(s.files, func(f types.ConfigFile) bool { return mayHaveOptions().Match(f.Content) }) {
		return nil
	}
	var out Problems
	ps := newPositions(s)
	for _, file := range s.files {
		for _, doc := range ps.parsed(file.Filename) {
			services := valueOf(doc, []string{"services"})
			if services == nil || services.Kind != yaml.MappingNode {
				continue
			}
			for i := 0; i+1 < len(services.Content); i += 2 {
				name := services.Content[i].Value
				if _, used := model.Services[name]; !used {
					continue
				}
				for _, p := range strayIn(services.Content[i+1]) {
					p.File = s.display(file.Filename)
					p.Path = "services." + name + "." + p.Path
					out = append(out, p)
				}
			}
		}
	}
	return out
}

func strayIn(service *yaml.Node) Problems {
	_, list := entry(service, "volumes")
	if list = resolved(list); list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	var out Problems
	for i, item := range list.Content {
		value := resolved(item)
		parts := strings.Split(value.Value, ":")
		if value.Kind != yaml.ScalarNode || len(parts) != 3 || strings.Contains(value.Value, "$") {
			continue
		}
		for _, option := range strings.Split(parts[2], ",") {
			if slices.Contains(mountOptions, option) {
				continue
			}
			out = append(out, Problem{
				Line: item.Line, Column: item.Column, Path: "volumes" + index(i),
				Text: fmt.Sprintf("%q is not an option of a mount; want one of %s", option, joined(mountOptions)),
			})
		}
	}
	return out
}
