package loader

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/internal/near"
)

// portHint says what a port that is wrong could have been.
func portHint(text string) string {
	if strings.HasPrefix(text, "invalid ranges") {
		return "; want as many published ports as there are in the container, or one in the container"
	}
	return "; want [ADDRESS:][PUBLISHED:]PORT[/PROTOCOL], like 127.0.0.1:8080:80"
}

// notNumber is how compose-go tells that a word stands where a number should.
var notNumber = lazily(`failed to cast to expected type: strconv\.\w+: parsing "([^"]*)": invalid syntax$`)

// plainCast says what compose-go says in Go's words: the text, and the value that
// is wrong, if it was that.
func plainCast(text string) (plain, value string) {
	if m := notNumber().FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("%q is not a number", m[1]), m[1]
	}
	return text, ""
}

var (
	notOctal = lazily(`^strconv\.ParseInt: parsing ("[^"]*"): invalid syntax$`)
	notSize  = lazily(`^invalid suffix: '[^']*'$`)
)

// plainDecode says what is wrong with a mode or a size, which compose-go says in the
// words of what it reads them with.
func plainDecode(text string) string {
	if m := notOctal().FindStringSubmatch(text); m != nil {
		return m[1] + " is not a mode in octal digits, like 0440"
	}
	if notSize().MatchString(text) {
		return text + "; want a size like 64m or 1g"
	}
	return text
}

// unitHint says what the numbers are that people write as durations.
func unitHint(path string) string {
	for _, name := range []string{"cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime"} {
		if strings.HasSuffix(path, "."+name) {
			return "; write microseconds: 400ms is 400000"
		}
	}
	return ""
}

// driveHint says why a volume whose name is one letter is not found in a short form.
func driveHint(target string) string {
	if len(target) < 2 || target[1] != ':' {
		return ""
	}
	return "; one letter and a colon are a drive of Windows: for a volume of that name write type, source and target, or a longer name"
}

// meant returns the attribute that a key which does not exist at this place was
// perhaps meant to be: the nearest one, if it is near; else nothing.
func meant(place []string, key string) string {
	return near.Name(key, attributesAt(place))
}

// attributesAt returns the attributes that can be at a place, sorted.
func attributesAt(place []string) []string {
	rules := attributes()
	pattern := ""
	for _, key := range place {
		if _, ok := isIndex(key); ok || key == "[]" {
			key = "[]"
		} else if _, named := rules[join(pattern, "*")]; named {
			key = "*"
		}
		pattern = join(pattern, key)
	}
	names := map[string]bool{}
	for rule := range rules {
		rest, below := strings.CutPrefix(rule, pattern+".")
		if pattern == "" {
			rest, below = rule, true
		}
		if name, _, _ := strings.Cut(rest, "."); below && name != "*" && name != "[]" {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
