package view

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

// A footer is the last line, once, whatever is printed; it makes way for progress,
// and leaves nothing behind.
func TestAFooterStaysBelowWhatIsPrinted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := newTerminal(80, 8)
		c := &Console{}
		out := c.Above(term)
		fmt.Fprintln(out, "before")
		c.Footer(term, "d Detach")
		for i := range 20 {
			if n, err := fmt.Fprintf(out, "line %d\n", i); err != nil || n != len(fmt.Sprintf("line %d\n", i)) {
				t.Fatal(n, err)
			}
			if got := strings.TrimRight(term.String(), "\n "); !strings.HasSuffix(got, fmt.Sprintf("line %d\nd Detach", i)) || strings.Count(got, "Detach") != 1 {
				t.Fatalf("after line %d:\n%s", i, got)
			}
		}
		film(t, ProgressOptions{Console: c}, term)
		if got := strings.TrimRight(term.String(), "\n "); strings.Count(got, "Detach") != 1 || !strings.HasSuffix(got, "\nd Detach") || !strings.Contains(got, "line 19\n[+] up") {
			t.Errorf("after progress:\n%s", got)
		}
		c.Footer(term, "d Leave")
		if got := strings.TrimRight(term.String(), "\n "); strings.Contains(got, "Detach") || !strings.HasSuffix(got, "\nd Leave") {
			t.Errorf("another footer:\n%s", got)
		}
		c.Footer(term, "")
		_, _ = io.WriteString(out, "after\n")
		if got := strings.TrimRight(term.String(), "\n "); strings.Contains(got, "Leave") || !strings.HasSuffix(got, "\nafter") {
			t.Errorf("without a footer:\n%s", got)
		}
		if term.hidden || len(term.unknown) > 0 {
			t.Errorf("cursor hidden: %v, unknown sequences: %q", term.hidden, term.unknown)
		}
	})
}
