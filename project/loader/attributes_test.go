package loader

import (
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
)

// A new compose-go may know attributes that gocompose does not: each has to
// get a verdict before it can be loaded.
func TestEveryAttributeOfTheSchemaHasAVerdict(t *testing.T) {
	rules := attributes()
	for _, path := range schema.AttributePaths() {
		if !covered(rules, strings.Split(string(path), ".")) {
			t.Errorf("%s has no verdict", path)
		}
	}
}

func covered(rules map[string]rule, keys []string) bool {
	for n := range keys {
		r, ok := rules[strings.Join(keys[:n+1], ".")]
		if ok && (n == len(keys)-1 || r.verdict != parts) {
			return true
		}
	}
	return false
}

func TestEveryVerdictIsOnAnAttributeOfTheSchema(t *testing.T) {
	known := map[string]bool{}
	for _, path := range schema.AttributePaths() {
		known[string(path)] = true
	}
	for place, r := range attributes() {
		own := strings.HasPrefix(strings.TrimPrefix(place, "services.*."), extension)
		if place != "jobs" && !known[place] && !own {
			t.Errorf("%s is no attribute", place)
		}
		if needsWhy := r.verdict != parts; r.verdict != honoured && needsWhy != (r.why != "") {
			t.Errorf("%s: verdict %d with reason %q", place, r.verdict, r.why)
		}
		if (r.ok != nil) != (r.verdict == limited) {
			t.Errorf("%s: verdict %d, accepting values: %v", place, r.verdict, r.ok != nil)
		}
	}
}

func TestAnAttributeWithoutAVerdictIsRefused(t *testing.T) {
	found := refusals(map[string]any{
		"services": map[string]any{
			"x-web": map[string]any{
				"image": "a", "teleport": true, "x-mine": true,
				"deploy": map[string]any{"x-mine": 1, "speed": "high"},
			},
		},
		"galaxies": map[string]any{},
		"x-mine":   true,
	})
	var got []string
	for _, f := range found {
		got = append(got, pathText(f.path))
	}
	want := "galaxies services.x-web.deploy.speed services.x-web.teleport"
	if strings.Join(got, " ") != want {
		t.Errorf("refused %v, want %s", got, want)
	}
}
