package view

import "testing"

func TestARefreshedTextIsDrawnOverTheOneBefore(t *testing.T) {
	term := newTerminal(20, 4)
	_, _ = term.Write([]byte("$ stats\n"))
	r := NewRefresh(term, term.size)
	for _, text := range []string{"NAME   CPU\nweb    10%\ndb     20%\n", "NAME   CPU\nweb    11%\ndb     20%\ncache  a long line that does not fit\nand one more\n", "NAME   CPU\ndb     21%\n"} {
		if err := r.Draw(text); err != nil {
			t.Fatal(err)
		}
	}
	if !term.hidden {
		t.Error("the cursor runs about")
	}
	r.Close()
	if got, want := term.String(), "$ stats\nNAME   CPU\ndb     21%\n"; got != want || term.hidden || len(term.unknown) > 0 {
		t.Errorf("got\n%swant\n%shidden %v, unknown %q", got, want, term.hidden, term.unknown)
	}
}

func TestARefreshedTextKeepsWithinTheTerminal(t *testing.T) {
	term := newTerminal(20, 3)
	r := NewRefresh(term, term.size)
	if err := r.Draw("a line that is wider than that\nb\tc\nd\n"); err != nil {
		t.Fatal(err)
	}
	if got, want := term.String(), "a line that is wid…\nb c\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
