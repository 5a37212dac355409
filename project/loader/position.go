package loader

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// positions finds where in the files a place of the model is written. The
// files are parsed a second time, only when there is something to report.
type positions struct {
	src  *source
	docs map[string][]*yaml.Node // by file; nil for one that cannot be read
}

func newPositions(src *source) *positions {
	return &positions{src: src, docs: map[string][]*yaml.Node{}}
}

// locate returns the problem for a finding: its line is that of the last file
// that sets the place, or of the closest place around it.
func (ps *positions) locate(f finding) Problem {
	p := Problem{Path: pathText(f.path), Text: f.text}
	if len(ps.src.files) > 0 {
		p.File = ps.src.display(ps.src.files[0].Filename)
	}
	for n := len(f.path); n > 0; n-- {
		t := target{path: f.path[:n], near: f.near}
		if file, node := ps.find(t); node != nil {
			p.File, p.Line, p.Column = ps.src.display(file), node.Line, node.Column
			break
		}
	}
	return p
}

// target is what is looked for, and how it got there.
type target struct {
	path []string
	near string
}

// find looks into the files from the last to the first.
func (ps *positions) find(t target) (string, *yaml.Node) {
	seen := map[string]bool{}
	for _, file := range slices.Backward(ps.src.files) {
		if found, node := ps.inFile(file.Filename, t, seen); node != nil {
			return found, node
		}
	}
	return "", nil
}

// inFile looks into one file, what its service extends, and what it includes.
func (ps *positions) inFile(file string, t target, seen map[string]bool) (string, *yaml.Node) {
	key := file + "\x00" + pathText(t.path)
	if seen[key] {
		return "", nil
	}
	seen[key] = true
	docs := ps.parsed(file)
	for _, doc := range slices.Backward(docs) {
		if node := find(doc, t.path, t.near); node != nil {
			return file, node
		}
	}
	for _, doc := range slices.Backward(docs) {
		if base, service := ps.extended(file, doc, t.path); service != "" {
			up := target{slices.Concat([]string{"services", service}, t.path[2:]), t.near}
			if found, node := ps.inFile(base, up, seen); node != nil {
				return found, node
			}
		}
		for _, included := range ps.included(file, doc) {
			if found, node := ps.inFile(included, t, seen); node != nil {
				return found, node
			}
		}
	}
	return "", nil
}

func (ps *positions) parsed(file string) []*yaml.Node {
	if docs, ok := ps.docs[file]; ok {
		return docs
	}
	ps.docs[file] = nil
	var content []byte
	for _, f := range ps.src.files {
		if f.Filename == file {
			content = f.Content
		}
	}
	if content == nil {
		var err error
		if content, err = os.ReadFile(file); err != nil {
			return nil // its lines cannot be told
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var doc yaml.Node
		if decoder.Decode(&doc) != nil {
			return ps.docs[file] // the end, or as far as it can be read
		}
		ps.docs[file] = append(ps.docs[file], &doc)
	}
}

// extended returns the file and the name of what a service of doc extends.
func (ps *positions) extended(file string, doc *yaml.Node, path []string) (string, string) {
	if len(path) < 2 || path[0] != "services" {
		return "", ""
	}
	value := valueOf(doc, []string{"services", path[1], "extends"})
	switch {
	case value == nil:
		return "", ""
	case value.Kind == yaml.ScalarNode:
		return file, value.Value
	}
	_, base := entry(value, "file")
	_, service := entry(value, "service")
	if service == nil {
		return "", ""
	}
	if base != nil && base.Value != "" {
		file = ps.beside(file, base.Value)
	}
	return file, service.Value
}

// included returns the files that doc includes.
func (ps *positions) included(file string, doc *yaml.Node) []string {
	list := valueOf(doc, []string{"include"})
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	var out []string
	for _, item := range list.Content {
		item = resolved(item)
		if item.Kind == yaml.MappingNode {
			_, item = entry(item, "path")
		}
		switch {
		case item == nil:
		case item.Kind == yaml.ScalarNode:
			out = append(out, ps.beside(file, item.Value))
		case item.Kind == yaml.SequenceNode:
			for _, path := range slices.Backward(item.Content) {
				out = append(out, ps.beside(file, resolved(path).Value))
			}
		}
	}
	return out
}

// beside resolves a path written in file.
func (ps *positions) beside(file, path string) string {
	path = ps.src.expandHome(os.Expand(path, func(name string) string { return ps.src.env[name] }))
	for _, c := range ps.src.copies {
		if c.name == path {
			return c.File
		}
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	if file == "-" || slices.ContainsFunc(ps.src.names(), func(n string) bool { return n == file }) {
		if inProject := filepath.Join(ps.src.dir, path); isFile(inProject) {
			return inProject
		}
	}
	return filepath.Join(filepath.Dir(file), path)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (s *source) names() []string {
	names := make([]string, len(s.files))
	for i, f := range s.files {
		names[i] = f.Filename
	}
	return names
}

// find returns the node at path: a mapping's key, or an item of a list.
func find(node *yaml.Node, path []string, near string) *yaml.Node {
	node = resolved(node)
	if node == nil || len(path) == 0 {
		return nil
	}
	switch node.Kind {
	case yaml.MappingNode:
		// A key may itself contain the dots that part a path.
		for n := 1; n <= len(path); n++ {
			key, value := entry(node, strings.Join(path[:n], "."))
			if key == nil || key.Tag == "!reset" || value.Tag == "!reset" {
				continue
			}
			if n < len(path) {
				return find(value, path[n:], near)
			}
			if item := containing(resolved(value), near); item != nil {
				return item
			}
			return key
		}
	case yaml.SequenceNode:
		return item(node, path, near)
	}
	return nil
}

// item returns what path means in a list: an item by its text, by the name it
// gives to a value ("KEY=value"), or by number.
func item(list *yaml.Node, path []string, near string) *yaml.Node {
	n, numbered := isIndex(path[0])
	if path[0] == "[]" {
		return containing(list, near)
	}
	if !numbered {
		for _, candidate := range list.Content {
			text := resolved(candidate).Value
			if text == path[0] || strings.HasPrefix(text, path[0]+"=") || strings.HasPrefix(text, path[0]+":") {
				return candidate
			}
		}
		return nil
	}
	found := containing(list, near)
	if found == nil && n < len(list.Content) {
		found = list.Content[n]
	}
	if found == nil || len(path) == 1 {
		return found
	}
	if inside := find(found, path[1:], near); inside != nil {
		return inside
	}
	if resolved(found).Kind == yaml.ScalarNode {
		return found // the short form of what path takes apart
	}
	return nil
}

// containing returns the item of a list in which text occurs.
func containing(list *yaml.Node, text string) *yaml.Node {
	if text == "" || list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	for _, match := range []func(value, text string) bool{isText, strings.Contains} {
		for _, candidate := range list.Content {
			if anyValue(candidate, text, match) {
				return candidate
			}
		}
	}
	return nil
}

func isText(value, text string) bool { return value == text }

func occurs(node *yaml.Node, text string) bool { return anyValue(node, text, strings.Contains) }

// anyValue looks at a scalar, or at what a mapping or a list holds itself.
func anyValue(node *yaml.Node, text string, match func(value, text string) bool) bool {
	node = resolved(node)
	if node.Kind == yaml.ScalarNode {
		return match(node.Value, text)
	}
	return slices.ContainsFunc(node.Content, func(n *yaml.Node) bool {
		return resolved(n).Kind == yaml.ScalarNode && match(resolved(n).Value, text)
	})
}

// valueOf returns the value at a path of mappings.
func valueOf(node *yaml.Node, path []string) *yaml.Node {
	for _, key := range path {
		_, node = entry(node, key)
		if node == nil {
			return nil
		}
	}
	return resolved(node)
}

// entry returns a mapping's key and value, its own or one it merges in.
func entry(node *yaml.Node, name string) (key, value *yaml.Node) {
	return entryWithin(node, name, 0)
}

// maxMerges bounds merges within merges; an alias may contain itself.
const maxMerges = 16

func entryWithin(node *yaml.Node, name string, depth int) (key, value *yaml.Node) {
	node = resolved(node)
	if node == nil || node.Kind != yaml.MappingNode || depth > maxMerges {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name && name != "<<" {
			return node.Content[i], node.Content[i+1]
		}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value != "<<" {
			continue
		}
		merged := resolved(node.Content[i+1])
		from := []*yaml.Node{merged}
		if merged != nil && merged.Kind == yaml.SequenceNode {
			from = merged.Content
		}
		for _, m := range from {
			if key, value = entryWithin(m, name, depth+1); key != nil {
				return key, value
			}
		}
	}
	return nil, nil
}

// resolved follows aliases and enters documents.
func resolved(node *yaml.Node) *yaml.Node {
	for range maxMerges {
		switch {
		case node == nil:
			return nil
		case node.Kind == yaml.DocumentNode && len(node.Content) > 0:
			node = node.Content[0]
		case node.Kind == yaml.AliasNode:
			node = node.Alias
		default:
			return node
		}
	}
	return node
}
