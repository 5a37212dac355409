package loader

import (
	"bytes"
	"strings"

	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/tree"
)

// compileSchema makes compose-go compile its JSON schema, which it does once a
// process and which takes about as long as everything else for a small file.
func compileSchema() {
	// An empty model is valid; what counts is that the schema is there now.
	_ = schema.Validate(map[string]any{})
}

// substitute is compose-go's, for text that has something to substitute.
func substitute(text string, mapping template.Mapping) (string, error) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	return template.Substitute(text, mapping)
}

// casts returns those of compose-go's type casts that can apply: compose-go
// tries each of a hundred on every value. A cast is for one attribute, and an
// attribute that no file mentions is not there.
func (s *source) casts(all map[tree.Path]interpolation.Cast) map[tree.Path]interpolation.Cast {
	var text []byte
	for _, f := range s.files {
		text = append(append(text, f.Content...), '\n')
	}
	for _, word := range []string{"include", "extends", `\`} {
		if bytes.Contains(text, []byte(word)) {
			return all // other files, or keys written with escapes
		}
	}
	mentioned := map[tree.Path]interpolation.Cast{}
	for path, cast := range all {
		if bytes.Contains(text, []byte(attributeOf(path))) {
			mentioned[path] = cast
		}
	}
	return mentioned
}

// attributeOf returns the last key of a path that is no wildcard.
func attributeOf(path tree.Path) string {
	last := ""
	for _, part := range path.Parts() {
		if part != tree.PathMatchAll && part != tree.PathMatchList {
			last = part
		}
	}
	return last
}
