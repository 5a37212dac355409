package loader

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
)

var (
	// "failed to parse /x/compose.yaml: yaml: … line 3, column 4: …"
	syntaxError = lazily(`(?s)^failed to parse (.+?): yaml: (.*)$`)
	syntaxMark  = lazily(`\bline (\d+)(?:, column (\d+))?`)
	// "construct errors:\n  line 1: line 4: mapping key "image" already defined at line 3"
	duplicateKey = lazily(`line (\d+): (mapping key .* already defined at line \d+)`)
)

// syntaxProblem takes the place out of what the YAML parser says.
func (s *source) syntaxProblem(file, text string, err error) Problem {
	p := Problem{File: s.display(file)}
	if m := duplicateKey().FindStringSubmatch(text); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Text = "yaml: " + m[2]
		return p
	}
	if countsFromZero(err) {
		text = syntaxMark().ReplaceAllStringFunc(text, func(mark string) string {
			m := syntaxMark().FindStringSubmatch(mark)
			n, _ := strconv.Atoi(m[1])
			return fmt.Sprintf("line %d%s", n+1, mark[len("line ")+len(m[1]):])
		})
	}
	p.Text = "yaml: " + oneLine(text)
	all := syntaxMark().FindAllStringSubmatch(text, -1)
	if len(all) > 0 {
		last := all[len(all)-1] // the first tells where the context began
		p.Line, _ = strconv.Atoi(last[1])
		p.Column, _ = strconv.Atoi(cmp.Or(last[2], "0"))
	}
	return p
}

// countsFromZero tells whether the parser's lines in an error do: those of its
// ParserError do, those of its other errors do not. The type is not exported,
// so its name has to tell.
func countsFromZero(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if fmt.Sprintf("%T", err) == "libyaml.ParserError" {
			return true
		}
	}
	return false
}
