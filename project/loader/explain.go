package loader

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// problems gives findings their places, sorted by file, line and path.
func (s *source) problems(found []finding) Problems {
	ps := newPositions(s)
	out := make(Problems, len(found))
	for i, f := range found {
		out[i] = ps.locate(f)
	}
	return out.sorted()
}

func (ps Problems) sorted() Problems {
	slices.SortFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(ps)
}

// explain turns an error of compose-go, which names places in words, into
// Problems with the places it names.
func (s *source) explain(err error) error {
	var done Problems
	if errors.As(err, &done) {
		return err
	}
	var out Problems
	for _, e := range leaves(err) {
		out = append(out, s.problem(e.Error()))
	}
	return out.sorted()
}

// leaves takes joined errors apart.
func leaves(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, leaves(e)...)
	}
	return out
}

var (
	// "failed to parse /x/compose.yaml: yaml: … line 3 …"
	syntaxError = regexp.MustCompile(`(?s)^failed to parse (.+?): ((?:go-)?yaml.*)$`)
	syntaxLine  = regexp.MustCompile(`\bline (\d+)(?:, column (\d+))?|\bL(\d+)[.:]?C?(\d+)?`)
	// "validating /x/compose.yaml: services.web additional properties 'x', 'y' not allowed"
	schemaError = regexp.MustCompile(`(?s)^validating (.+?): (\S*) (.*)$`)
	extraKeys   = regexp.MustCompile(`^additional properties ('.*') not allowed`)
	// "error while interpolating services.web.image: …"
	interpolation = regexp.MustCompile(`(?s)^(?:error while interpolating|invalid interpolation format for) (\S+?)[.:]\s(.*)$`)
	// "failed to read /x/.env: line 1: …", "env file /x not found: …"
	envFileError = regexp.MustCompile(`(?s)^failed to read (/.+?): line (\d+): (.*)$`)
	// "services.web.scale: …", "services.web: …"
	pathFirst = regexp.MustCompile(`(?s)^((?:services|networks|volumes|secrets|configs)[.][^\s:]+):? (.*)$`)
	// `service "web" refers to undefined network front: invalid compose project`
	aboutService = regexp.MustCompile(`(?s)^service "?([^\s"]+)"? .*$`)
	undefined    = regexp.MustCompile(`(?:undefined|unknown) (network|volume|service|config|secret|model|build secret) "?([^\s":]+)"?`)
)

// problem finds out from its text what an error is about. The text stays.
func (s *source) problem(text string) Problem {
	text = strings.TrimSuffix(text, ": invalid compose project")
	ps := newPositions(s)
	if m := syntaxError.FindStringSubmatch(text); m != nil {
		return s.syntaxProblem(m[1], m[2])
	}
	if m := schemaError.FindStringSubmatch(text); m != nil {
		return schemaProblem(ps, m[2], m[3])
	}
	if m := interpolation.FindStringSubmatch(text); m != nil {
		return ps.locate(finding{path: splitPath(m[1]), text: oneLine(text)})
	}
	if m := envFileError.FindStringSubmatch(text); m != nil {
		line, _ := strconv.Atoi(m[2])
		return Problem{File: s.display(m[1]), Line: line, Text: oneLine(m[3])}
	}
	if m := pathFirst.FindStringSubmatch(text); m != nil {
		return ps.locate(finding{path: splitPath(m[1]), text: oneLine(m[2])})
	}
	f := finding{text: oneLine(text)}
	if m := aboutService.FindStringSubmatch(text); m != nil {
		f.path = []string{"services", m[1]}
		if u := undefined.FindStringSubmatch(text); u != nil {
			f.path = append(f.path, referrers[u[1]]...)
			f.path, f.near = append(f.path, u[2]), u[2]
		}
	}
	p := ps.locate(f)
	p.Path = "" // the text names it
	return p
}

// referrers are the attributes of a service that refer to a resource.
var referrers = map[string][]string{
	"network": {"networks"}, "volume": {"volumes"}, "service": {"depends_on"}, "config": {"configs"},
	"secret": {"secrets"}, "model": {"models"}, "build secret": {"build", "secrets"},
}

// syntaxProblem takes the line out of what the YAML parser says.
func (s *source) syntaxProblem(file, text string) Problem {
	p := Problem{File: s.display(file), Text: oneLine(text)}
	all := syntaxLine.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return p
	}
	last := all[len(all)-1] // the first tells where the context began
	p.Line, _ = strconv.Atoi(cmp.Or(last[1], last[3]))
	p.Column, _ = strconv.Atoi(cmp.Or(last[2], last[4]))
	return p
}

// schemaProblem places an error of the schema; unknown keys are found
// themselves, not what they are in.
func schemaProblem(ps *positions, path, text string) Problem {
	keys := splitPath(path)
	if m := extraKeys.FindStringSubmatch(text); m != nil {
		first := strings.Trim(strings.SplitN(m[1], ",", 2)[0], "' ")
		if file, node := ps.find(target{path: append(slices.Clone(keys), first)}); node != nil {
			return Problem{File: ps.src.display(file), Line: node.Line, Column: node.Column,
				Path: pathText(keys), Text: text}
		}
	}
	return ps.locate(finding{path: keys, text: text})
}

// splitPath takes compose-go's "services.web.ports.0" or "….ports[0].target"
// apart.
func splitPath(path string) []string {
	if path == "" {
		return nil
	}
	path = strings.ReplaceAll(strings.ReplaceAll(path, ".[]", "[0]"), "[", ".[")
	keys := strings.Split(path, ".")
	for i, key := range keys {
		if n, err := strconv.Atoi(key); err == nil && i > 1 {
			keys[i] = index(n)
		}
	}
	return keys
}

func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "\n", " ")), " ")
}
