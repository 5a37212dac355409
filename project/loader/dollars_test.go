package loader

import "testing"

func TestDollarsOfKeysStayAsTheyAre(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"none", "a: b\n", "a: b\n"},
		{"values", "a: $x\nb:\n  - $y\n", "a: $$x\nb:\n  - $$y\n"},
		{"keys", "$a: $x\n", "$a: $$x\n"},
		{"keys below and beside", "a:\n  $b$: {$c: $d, é$e: \"$f\"}\n", "a:\n  $b$: {$c: $$d, é$e: \"$$f\"}\n"},
		{"quoted keys", "'$a: $b': $c\n", "'$a: $b': $$c\n"},
		{"texts of several lines", "a: |\n  $b: $c\n  $d\n$e: f\n", "a: |\n  $$b: $$c\n  $$d\n$e: f\n"},
		{"JSON", "{\n  \"$a\": \"$b\",\n  \"é$\": [\"$\"]\n}\n", "{\n  \"$a\": \"$$b\",\n  \"é$\": [\"$$\"]\n}\n"},
	} {
		got, err := escapeDollars([]byte(c.file))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.name, err, got, c.want)
		}
	}
}
