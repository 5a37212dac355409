package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"text/template"
	"unicode"
)

// templateFunctions are those that docker's templates have beside Go's own.
func templateFunctions() template.FuncMap {
	return template.FuncMap{
		"join":     joinText,
		"json":     jsonText,
		"lower":    strings.ToLower,
		"pad":      padText,
		"split":    strings.Split,
		"title":    titleText,
		"truncate": func(s string, size int) string { return string([]rune(s)[:min(max(size, 0), len([]rune(s)))]) },
		"upper":    strings.ToUpper,
	}
}

// headerFunctions take their place where a table's header is made: it is written
// as it is, whatever is made of the fields below.
func headerFunctions() template.FuncMap {
	same := func(s string) string { return s }
	return template.FuncMap{
		"join":     func(s, _ string) string { return s },
		"json":     same,
		"lower":    same,
		"split":    func(s, _ string) string { return s },
		"title":    same,
		"truncate": func(s string, _ int) string { return s },
		"upper":    same,
	}
}

// jsonText is one line of JSON.
func jsonText(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSpace(b.String()), err
}

// joinText joins the texts of a list's elements.
func joinText(elements any, between string) (string, error) {
	if elements == nil {
		return "", nil
	}
	v := reflect.ValueOf(elements)
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return "", fmt.Errorf("a list is wanted, not %T", elements)
	}
	texts := make([]string, v.Len())
	for i := range texts {
		texts[i] = fmt.Sprint(v.Index(i).Interface())
	}
	return strings.Join(texts, between), nil
}

// padText puts spaces before and after what is not empty.
func padText(s string, before, after int) string {
	if s == "" {
		return s
	}
	return strings.Repeat(" ", max(before, 0)) + s + strings.Repeat(" ", max(after, 0))
}

// titleText makes the first letter of each word a capital.
func titleText(s string) string {
	begins := true
	return strings.Map(func(r rune) rune {
		first := begins
		begins = !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '\''
		if first {
			return unicode.ToTitle(r)
		}
		return r
	}, s)
}
