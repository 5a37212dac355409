package loader

import (
	"regexp"
	"sync"
)

// lazily returns a regular expression that is compiled when it is first asked for.
// Most are about files that are wrong, and every command would pay for all.
func lazily(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
