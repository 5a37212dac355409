// Package near finds the name that somebody meant who wrote another.
package near

import (
	"fmt"
	"strings"
)

// Name returns the one of the names that word was perhaps meant to be, with the
// fewest letters changed; empty: none is near. Of several it is the first.
func Name(word string, names []string) string {
	best, nearest := limit(word)+1, ""
	for _, name := range names {
		if d := edits(strings.ToLower(word), name); name != word && d < best {
			best, nearest = d, name
		}
	}
	return nearest
}

// Question returns what to add to the error that there is no such name: `; did
// you mean "web"?`, or nothing.
func Question(word string, names []string) string {
	if name := Name(word, names); name != "" {
		return fmt.Sprintf("; did you mean %q?", name)
	}
	return ""
}

// limit is how many changes of a word leave it recognisable.
func limit(word string) int {
	switch n := len(word); {
	case n < 2:
		return 0
	case n < 4:
		return 1
	default:
		return 2
	}
}

// edits returns how many letters have to be put in, left out, changed, or
// exchanged with the next to make b of a (Damerau and Levenshtein).
func edits(a, b string) int {
	before, row := []int(nil), make([]int, len(b)+1) // of the letters of a before the last one and before this one
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, next[j]+1, row[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
