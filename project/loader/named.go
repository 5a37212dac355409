package loader

import (
	"errors"
	"io/fs"

	"go.yaml.in/yaml/v4"
)

// notThere says which include or extends named a file that does not exist, when that
// is what err is about and the place is found.
func (s *source) notThere(err error) (Problem, bool) {
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) || !errors.Is(err, fs.ErrNotExist) {
		return Problem{}, false
	}
	ps, seen := newPositions(s), map[string]bool{}
	files := s.names()
	for len(files) > 0 {
		file := files[0]
		files = files[1:]
		if seen[file] {
			continue
		}
		seen[file] = true
		for _, doc := range ps.parsed(file) {
			for _, n := range namedFiles(doc) {
				named := ps.beside(file, n.node.Value)
				if named == pathErr.Path {
					return Problem{
						File: s.display(file), Line: n.node.Line, Column: n.node.Column, Path: n.path,
						Text: "there is no file " + s.display(named) + "; make it, or name another",
					}, true
				}
				files = append(files, named)
			}
		}
	}
	return Problem{}, false
}

// namedFile is where another Compose file is named.
type namedFile struct {
	path string
	node *yaml.Node
}

func namedFiles(doc *yaml.Node) []namedFile {
	var out []namedFile
	add := func(path string, n *yaml.Node) {
		if n = resolved(n); n != nil && n.Kind == yaml.ScalarNode {
			out = append(out, namedFile{path, n})
		}
	}
	if list := valueOf(doc, []string{"include"}); list != nil && list.Kind == yaml.SequenceNode {
		for i, item := range list.Content {
			at := "include" + index(i)
			if item = resolved(item); item.Kind == yaml.MappingNode {
				_, item = entry(item, "path")
				at += ".path"
			}
			if item = resolved(item); item == nil || item.Kind != yaml.SequenceNode {
				add(at, item)
				continue
			}
			for j, path := range item.Content {
				add(at+index(j), path)
			}
		}
	}
	services := valueOf(doc, []string{"services"})
	if services == nil || services.Kind != yaml.MappingNode {
		return out
	}
	for i := 0; i+1 < len(services.Content); i += 2 {
		add("services."+services.Content[i].Value+".extends.file", valueOf(services.Content[i+1], []string{"extends", "file"}))
	}
	return out
}
