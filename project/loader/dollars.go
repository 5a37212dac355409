package loader

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// escapeDollars keeps what was interpolated from being so again, in a file of YAML
// or JSON. Keys are never interpolated.
func escapeDollars(file []byte) ([]byte, error) {
	if !bytes.ContainsRune(file, '$') {
		return file, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(file, &doc); err != nil {
		return nil, fmt.Errorf("reading what was written: %w", err)
	}
	keys := map[int][]*yaml.Node{} // by line, in order
	dollarKeys(&doc, keys)
	var out strings.Builder
	for i, line := range strings.SplitAfter(string(file), "\n") {
		column := 1
		spare, next := 0, keys[i+1] // how many dollars of a key are to come
		for _, r := range line {
			if len(next) > 0 && column == next[0].Column {
				spare, next = strings.Count(next[0].Value, "$"), next[1:]
			}
			out.WriteRune(r)
			if r == '$' && spare == 0 {
				out.WriteRune(r)
			} else if r == '$' {
				spare--
			}
			column++
		}
	}
	return []byte(out.String()), nil
}

// dollarKeys finds the keys that have dollars in them.
func dollarKeys(n *yaml.Node, keys map[int][]*yaml.Node) {
	for i, c := range n.Content {
		if key := n.Kind == yaml.MappingNode && i%2 == 0; key && strings.Contains(c.Value, "$") {
			keys[c.Line] = append(keys[c.Line], c)
		}
		dollarKeys(c, keys)
	}
}
