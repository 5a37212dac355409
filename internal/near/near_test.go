package near

import "testing"

func TestTheNearestNameIsFound(t *testing.T) {
	names := []string{"db", "postgres", "queue", "web", "worker"}
	for word, want := range map[string]string{
		"wbe":      "web",
		"we":       "web",
		"WEB":      "web",
		"bd":       "db",
		"postgers": "postgres",
		"pstgrs":   "postgres",
		"wrker":    "worker",
		"app":      "",
		"x":        "",
		"":         "",
		"web":      "", // it is that already
		"working":  "",
	} {
		if got := Name(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got, want := Question("quue", names), `; did you mean "queue"?`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := Question("nothing", names); got != "" {
		t.Errorf("%s, want nothing", got)
	}
}

func TestEditsAreCounted(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "ab", 2}, {"ab", "", 2}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abcd", "badc", 2},
		{"kitten", "sitting", 3}, {"flaw", "lawn", 2},
	} {
		if got := edits(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
