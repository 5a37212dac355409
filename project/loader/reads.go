package loader

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"github.com/gocompose/gocompose/project"
)

// readers notes which variables are read of files that come from elsewhere.
type readers map[string]project.UsedVariable

// substitute is how files are interpolated: every variable that is looked up is noted, also
// one that stands in the default of another.
func (r readers) substitute(text string, mapping template.Mapping) (string, error) {
	if r == nil || !strings.Contains(text, "$") {
		return substitute(text, mapping)
	}
	known := template.ExtractVariables(map[string]any{"": text}, nil)
	return substitute(text, func(name string) (string, bool) {
		value, ok := mapping(name)
		r.note(name, known[name], ok)
		return value, ok
	})
}

func (r readers) note(name string, v template.Variable, set bool) {
	used := r[name]
	used.Name = name
	used.Required = used.Required || v.Required
	used.Default = cmp.Or(used.Default, v.DefaultValue)
	if set {
		used.From = project.FromEnvFile // until it is seen in the environment
	}
	r[name] = used
}

// reads is what of that can be told without the project: where it is from, and the variables.
func (s *source) reads(model *types.Project) (*project.Elsewhere, foreign) {
	if len(s.copies) == 0 {
		return nil, foreign{}
	}
	of := s.foreignParts()
	if !of.all {
		s.used = readers{}
		defer func() { s.used = nil }()
		s.eachCopied(func(_ string, doc *yaml.Node) { s.readIn(doc) })
	}
	s.passedOn(of)
	for name, service := range model.Services {
		if !of.service(name) {
			continue
		}
		s.usedByEnvFiles(service.ContainerSpec)
		for _, h := range service.PreStart {
			s.usedByEnvFiles(h.ContainerSpec)
		}
	}
	name, _ := s.explicitName() // one that is none was refused before
	out := &project.Elsewhere{Included: !of.all, NamedHere: !of.all || name != ""}
	for _, c := range s.copies {
		if !slices.Contains(out.Files, c.Pinned) {
			out.Files = append(out.Files, c.Pinned)
		}
	}
	delete(s.used, "COMPOSE_PROJECT_NAME")
	for _, name := range slices.Sorted(maps.Keys(s.used)) {
		used := s.used[name]
		if _, known := s.env[name]; known && used.From == "" {
			used.From = project.FromEnvFile
		}
		if s.inEnvironment(name) {
			used.From = project.FromEnvironment
		}
		out.Variables = append(out.Variables, used)
	}
	return out, of
}

func (s *source) inEnvironment(name string) bool {
	return slices.ContainsFunc(s.options.Environ, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}

// passedOn notes the variables that files hand on by their names, without interpolation.
func (s *source) passedOn(of foreign) {
	add := func(name string) {
		if name != "" && !strings.Contains(name, "$") {
			s.used.note(name, template.Variable{}, false)
		}
	}
	visit := s.eachDocument
	if !of.all {
		visit = s.eachCopied
	}
	visit(func(file string, doc *yaml.Node) {
		for _, key := range []string{"services", "jobs"} {
			eachValue(valueOf(doc, []string{key}), func(service *yaml.Node) {
				for _, path := range [][]string{{"environment"}, {"build", "args"}} {
					eachWithoutValue(valueOf(service, path), add)
				}
			})
		}
		for _, key := range []string{"secrets", "configs"} {
			eachValue(valueOf(doc, []string{key}), func(f *yaml.Node) {
				if from := valueOf(f, []string{"environment"}); from != nil {
					add(from.Value)
				}
			})
		}
		for _, path := range envFilesOf(valueOf(doc, []string{"include"})) {
			s.usedByFile(newPositions(s).beside(file, path))
		}
	})
	for _, c := range s.copies {
		s.usedByFile(filepath.Join(filepath.Dir(c.File), ".env")) // read where a file is included
	}
}

// eachDocument visits the files, and those that they include and extend.
func (s *source) eachDocument(visit func(file string, doc *yaml.Node)) {
	ps, seen := newPositions(s), map[string]bool{}
	files := s.names()
	for _, c := range s.copies { // whatever the name is made of
		files = append(files, c.File)
	}
	for ; len(files) > 0; files = files[1:] {
		if seen[files[0]] {
			continue
		}
		seen[files[0]] = true
		for _, doc := range ps.parsed(files[0]) {
			visit(files[0], doc)
			for _, n := range namedFiles(doc) {
				files = append(files, ps.beside(files[0], n.node.Value))
			}
		}
	}
}

func eachValue(node *yaml.Node, visit func(*yaml.Node)) {
	if node == nil || node.Kind != yaml.MappingNode {
		return
	}
	for i := 1; i < len(node.Content); i += 2 {
		visit(resolved(node.Content[i]))
	}
}

// eachWithoutValue visits the names in a list of variables, or a mapping, that have none.
func eachWithoutValue(node *yaml.Node, visit func(name string)) {
	switch {
	case node == nil:
	case node.Kind == yaml.SequenceNode:
		for _, item := range node.Content {
			if text := resolved(item).Value; !strings.Contains(text, "=") {
				visit(text)
			}
		}
	case node.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if value := resolved(node.Content[i+1]); value.Kind == yaml.ScalarNode && value.Tag == "!!null" {
				visit(node.Content[i].Value)
			}
		}
	}
}

// envFilesOf are the paths of env files of includes.
func envFilesOf(list *yaml.Node) (paths []string) {
	if list == nil {
		return nil
	}
	for _, item := range list.Content {
		for _, node := range envFileNodes(valueOf(resolved(item), []string{"env_file"})) {
			if node = resolved(node); node != nil && node.Kind == yaml.ScalarNode {
				paths = append(paths, node.Value)
			}
		}
	}
	return paths
}

func (s *source) usedByEnvFiles(c types.ContainerSpec) {
	for _, f := range c.EnvFiles {
		s.usedByFile(s.inProject(f.Path))
	}
}

// usedByFile notes the variables that an env file hands on, or makes others of.
func (s *source) usedByFile(path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		return // who reads it tells
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		if line == "" || line[0] == '#' {
			continue
		}
		if strings.Contains(line, "$") {
			_, _ = s.used.substitute(line, s.env.Resolve) // what is wrong with it is told when it is read
		}
		if !strings.ContainsAny(line, "=:") {
			s.used.note(line, template.Variable{}, false)
		}
	}
}
