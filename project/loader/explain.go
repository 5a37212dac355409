package loader

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
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
func (s *source) explain(err error) Problems {
	var done Problems
	if errors.As(err, &done) {
		return done
	}
	var out Problems
	for _, e := range leaves(err) {
		out = append(out, s.problem(e))
	}
	return out.sorted()
}

// leaves takes joined errors apart.
func leaves(err error) []error {
	if strings.HasPrefix(err.Error(), "decoding failed") && errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
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
	// "validating /x/compose.yaml: services.web additional properties 'x', 'y' not allowed"
	schemaError = lazily(`(?s)^validating (.+?): (\S*) (.*)$`)
	extraKeys   = lazily(`^additional properties '([^']*)'.* not allowed`)
	// "error while interpolating services.web.image: …"
	interpolating = lazily(`(?s)^error while interpolating (\S+): (.*)$`)
	badTemplate   = lazily(`(?s)^invalid interpolation format for (\S+)\.\n[^\n]*\n(.*)$`)
	// "failed to read /x/.env: line 1: …"
	envFileError = lazily(`(?s)^failed to read (/.+?): line (\d+): (.*)$`)
	// `unterminated quoted value "secr`, `unexpected character "\"" in variable name "A\"=secret"`
	envFileText = lazily(`(?s)(quoted value|variable name) .*$`)
	// "services.web.scale: …", "services.web: …"
	pathFirst = lazily(`(?s)^((?:services|networks|volumes|secrets|configs)[.][^\s:]+):? (.*)$`)
	// `service "web" declares …: invalid compose project`
	aboutService = lazily(`(?s)^service "?([^\s"]+)"? .*$`)
	// `cannot extend service "web" in /x/compose.yaml: service "base" not found`
	extending = lazily(`(?s)^cannot extend service "([^"]+)" in .*: (.*)$`)
	// "'services[web].mem_limit' invalid size: 'lots'"
	decoding = lazily(`(?s)^'(\w+)\[([^\]]+)\]\.([^']+)' (.*)$`)
	// "services.scale: can't set container_name and web as container name must be unique"
	namedReplicas = lazily(`can't set container_name and (\S+) as container name must be unique`)
	// "service ports services.web.ports.[0] is missing a target port", "service device services.web.devices.[0] …"
	aboutItem = lazily(`^service (?:ports|device) (\S+) (is missing .*)$`)
	// "invalid containerPort: nonsense"
	portWord = lazily(`^(?:invalid (?:containerPort|hostPort|IP address|proto|ranges specified .*)|no port specified): (\S+)`)
	// "dependency cycle detected: a -> b -> a"
	cycle = lazily(`cycle detected: (\S+) -> (\S+)`)
)

// problem finds out from its text what an error is about. The text stays.
func (s *source) problem(err error) Problem {
	text := strings.TrimSuffix(err.Error(), ": invalid compose project")
	if p, ok := s.notThere(err); ok {
		return p
	}
	ps := newPositions(s)
	if m := syntaxError().FindStringSubmatch(text); m != nil {
		return s.syntaxProblem(m[1], m[2], err)
	}
	if m := schemaError().FindStringSubmatch(text); m != nil {
		return schemaProblem(ps, m[2], m[3])
	}
	if m := interpolating().FindStringSubmatch(text); m != nil {
		if text, value := plainCast(m[2]); value != "" {
			return ps.locate(finding{splitPath(m[1]), value, text + unitHint(m[1])})
		}
		return ps.locate(finding{splitPath(m[1]), "{" + missing(err), m[2]})
	}
	if m := badTemplate().FindStringSubmatch(text); m != nil {
		return ps.locate(finding{splitPath(m[1]), m[2], fmt.Sprintf(
			"invalid interpolation format %q; you may need to escape any $ with another $", m[2])})
	}
	if m := envFileError().FindStringSubmatch(text); m != nil {
		line, _ := strconv.Atoi(m[2])
		return Problem{File: s.display(m[1]), Line: line, Text: oneLine(withoutText(m[3]))}
	}
	if f, ok := specific(text); ok {
		return ps.locate(f)
	}
	if m := portWord().FindStringSubmatch(text); m != nil {
		return ps.locate(finding{path: ps.portWith(m[1]), text: oneLine(text) + portHint(text)})
	}
	if m := pathFirst().FindStringSubmatch(text); m != nil {
		words := strings.Fields(m[2])
		return ps.locate(finding{splitPath(m[1]), words[len(words)-1], oneLine(m[2])})
	}
	f := finding{text: oneLine(text)}
	if m := aboutService().FindStringSubmatch(text); m != nil {
		f.path = []string{"services", m[1]}
	}
	if m := cycle().FindStringSubmatch(text); m != nil {
		f.path = []string{"services", m[1], "depends_on", m[2]}
	}
	p := ps.locate(f)
	p.Path = "" // the text names it
	return p
}

// specific reads errors that name their place in a way of their own.
func specific(text string) (finding, bool) {
	if m := extending().FindStringSubmatch(text); m != nil {
		return finding{path: []string{"services", m[1], "extends"}, text: oneLine(m[2])}, true
	}
	if m := decoding().FindStringSubmatch(text); m != nil {
		return finding{path: append([]string{m[1], m[2]}, splitPath(m[3])...), text: plainDecode(oneLine(m[4]))}, true
	}
	if m := namedReplicas().FindStringSubmatch(text); m != nil {
		return finding{path: []string{"services", m[1], "container_name"}, text: namedReplicasText}, true
	}
	if m := aboutItem().FindStringSubmatch(text); m != nil {
		return finding{path: splitPath(m[1]), text: m[2]}, true
	}
	return finding{}, false
}

// portWith returns the path of the published port whose text contains word; if
// there is none, of the one that is made of variables, if it is alone.
func (ps *positions) portWith(word string) []string {
	if found := ps.portsWith(word); len(found) > 0 {
		return found[0]
	}
	if found := ps.portsWith("$"); len(found) == 1 {
		return found[0]
	}
	return nil
}

func (ps *positions) portsWith(word string) (found [][]string) {
	for _, file := range ps.src.files {
		for _, doc := range ps.parsed(file.Filename) {
			services := valueOf(doc, []string{"services"})
			if services == nil || services.Kind != yaml.MappingNode {
				continue
			}
			for i := 0; i+1 < len(services.Content); i += 2 {
				_, ports := entry(services.Content[i+1], "ports")
				if ports = resolved(ports); ports == nil {
					continue
				}
				for n, port := range ports.Content {
					if occurs(port, word) {
						found = append(found, []string{"services", services.Content[i].Value, "ports", index(n)})
					}
				}
			}
		}
	}
	return found
}

// missing names the variable that an interpolation needs, if that is what
// went wrong.
func missing(err error) string {
	var required *template.MissingRequiredError
	if errors.As(err, &required) {
		return required.Variable
	}
	return ""
}

// schemaProblem places an error of the schema; unknown keys are found
// themselves, not what they are in.
func schemaProblem(ps *positions, path, text string) Problem {
	keys := splitPath(path)
	if text == "false schema" && len(keys) > 0 { // its way to say the same
		last := keys[len(keys)-1]
		keys, text = keys[:len(keys)-1], fmt.Sprintf("additional properties '%s' not allowed", last)
	}
	text = strings.ReplaceAll(text, "must be a array", "must be an array")
	if len(keys) == 3 && keys[2] == "oom_score_adj" { // of its alternatives the schema names the wrong one
		text = "must be a whole number from -1000 to 1000"
	}
	if m := extraKeys().FindStringSubmatch(text); m != nil {
		if name := meant(keys, m[1]); name != "" && strings.Count(text, "'") == 2 {
			text += fmt.Sprintf("; did you mean %s?", name)
		}
		if file, node := ps.find(target{path: append(slices.Clone(keys), m[1])}); node != nil {
			return Problem{File: ps.src.display(file), Line: node.Line, Column: node.Column,
				Path: pathText(keys), Text: text}
		}
	}
	return ps.locate(finding{path: keys, text: text})
}

// splitPath takes compose-go's "services.web.ports.0", "….ports[0].target" or
// "….ports.[]", which tells no number, apart.
func splitPath(path string) []string {
	if path == "" {
		return nil
	}
	keys := strings.Split(strings.ReplaceAll(strings.ReplaceAll(path, "[", ".["), "..[", ".["), ".")
	for i, key := range keys {
		if n, err := strconv.Atoi(key); err == nil && i > 1 {
			keys[i] = index(n)
		}
	}
	return keys
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// withoutText leaves out of what is wrong with an env file what is in it.
func withoutText(text string) string { return envFileText().ReplaceAllString(text, "$1") }
