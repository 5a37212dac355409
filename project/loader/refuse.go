package loader

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// finding is a problem whose place in the files is not looked up yet.
type finding struct {
	path []string // keys; an index is "[0]"
	near string   // text that tells the item of a list, when the index does not
	text string
}

// verdict is what gocompose does about an attribute.
type verdict int

const (
	// parts: it is made of attributes that have verdicts of their own.
	parts verdict = iota
	// honoured, with everything in it.
	honoured
	// noEffect: accepted, because there is nothing to do about it.
	noEffect
	// refused, with everything in it.
	refused
	// limited: refused unless rule.ok accepts the value.
	limited
)

// rule is the verdict on one attribute.
type rule struct {
	verdict verdict
	why     string // none for parts; for honoured, what is worth knowing
	ok      func(value any) bool
}

// refusals walks the model and returns what is in it that is not honoured. An
// attribute without a rule is refused, but for those that begin with "x-".
func refusals(tree map[string]any) []finding {
	w := walker{rules: attributes()}
	w.mapping(tree, nil, "")
	return w.found
}

type walker struct {
	rules map[string]rule
	found []finding
}

func (w *walker) mapping(m map[string]any, path []string, pattern string) {
	_, named := w.rules[join(pattern, "*")]
	for _, key := range inOrder(m) {
		at := append(slices.Clone(path), key)
		place := join(pattern, key)
		if named {
			place = join(pattern, "*")
		} else if strings.HasPrefix(key, "x-") && key != extension {
			continue
		}
		r, known := w.rules[place]
		switch {
		case known:
		case key == extension && !named:
			w.refuse(at, "", "only services have such settings; move it to one")
			continue
		default:
			w.refuse(at, "", "this version of gocompose does not know it")
			continue
		}
		w.attribute(m[key], at, place, r)
	}
}

// inOrder returns the keys sorted, but that of the containers last that take over
// what stands beside them.
func inOrder(m map[string]any) []string {
	keys := slices.Sorted(maps.Keys(m))
	if i, ok := slices.BinarySearch(keys, "pre_start"); ok {
		keys = append(slices.Delete(keys, i, i+1), "pre_start")
	}
	return keys
}

func (w *walker) attribute(value any, path []string, pattern string, r rule) {
	if value == nil {
		return // as not given
	}
	switch r.verdict {
	case honoured, noEffect:
		if list, ok := value.([]any); ok && pattern == "services.*.pre_start" {
			w.preStarts(list, path)
		}
	case refused:
		w.refuse(path, "", r.why)
	case limited:
		if !r.ok(value) {
			w.refuse(path, scalar(value), r.why)
		}
	case parts:
		switch v := value.(type) {
		case map[string]any:
			w.mapping(v, path, pattern)
		case []any:
			for i, item := range v {
				if m, ok := item.(map[string]any); ok {
					w.mapping(m, append(slices.Clone(path), index(i)), join(pattern, "[]"))
				}
			}
		}
	}
}

// preStarts judges containers as services. What they take over from theirs is in
// them by now, and judged there.
func (w *walker) preStarts(list []any, path []string) {
	for i, item := range list {
		hook, _ := item.(map[string]any)
		hook = maps.Clone(hook)
		delete(hook, "per_replica")
		before, at := len(w.found), append(slices.Clone(path), index(i))
		w.mapping(hook, at, "services.*")
		w.found = withoutInherited(w.found, before, path[:len(path)-1], at)
		for j := range w.found[before:] {
			w.found[before+j].near = "" // which would tell another item of the list
		}
	}
}

func (w *walker) refuse(path []string, near, why string) {
	w.found = append(w.found, finding{path, near, notYet + why})
}

// notYet begins the text about everything that is right and not honoured.
const notYet = "not supported yet: "

func (f finding) unsupported() bool { return strings.HasPrefix(f.text, notYet) }

// ofBuild tells whether it is about how an image is built, or what its build uses.
func (f finding) ofBuild() bool {
	return len(f.path) > 2 && f.path[0] == "services" && f.path[2] == "build" || len(f.path) > 0 && f.path[0] == "secrets"
}

// keepUsed drops findings about services that are not in the model, but for the builds
// of bases, and about networks, volumes, secrets and configs that are not.
func keepUsed(found []finding, model *types.Project, bases []project.Service) []finding {
	isBase := func(n string) bool {
		return slices.ContainsFunc(bases, func(s project.Service) bool { return s.Name == n })
	}
	used := map[string]func(string) bool{
		"services": func(n string) bool { _, ok := model.Services[n]; return ok },
		"networks": func(n string) bool { _, ok := model.Networks[n]; return ok },
		"volumes":  func(n string) bool { _, ok := model.Volumes[n]; return ok },
		"secrets":  func(n string) bool { _, ok := model.Secrets[n]; return ok },
		"configs":  func(n string) bool { _, ok := model.Configs[n]; return ok },
	}
	return slices.DeleteFunc(found, func(f finding) bool {
		if len(f.path) < 2 || f.ofBuild() && isBase(f.path[1]) {
			return false
		}
		isUsed, ok := used[f.path[0]]
		return ok && !isUsed(f.path[1])
	})
}

func join(pattern, key string) string {
	if pattern == "" {
		return key
	}
	return pattern + "." + key
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// isIndex returns the number in a path's "[0]".
func isIndex(key string) (int, bool) {
	if !strings.HasPrefix(key, "[") || !strings.HasSuffix(key, "]") {
		return 0, false
	}
	n, err := strconv.Atoi(key[1 : len(key)-1])
	return n, err == nil
}

// pathText returns "services.web.ports[0]".
func pathText(path []string) string {
	var b strings.Builder
	for _, key := range path {
		if _, ok := isIndex(key); !ok && key != "[]" && b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(key)
	}
	return b.String()
}

func scalar(v any) string {
	switch v.(type) {
	case map[string]any, []any, nil:
		return ""
	}
	return fmt.Sprint(v)
}

func joined(names []string) string { return strings.Join(names, ", ") }
