package daemon

import (
	"strings"
	"testing"
)

func TestLimitsOfTheBuildCacheAreReadAndGoIntoTheConfiguration(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "",
		"20GB":                "maxUsedSpace = '20GB'",
		"15%":                 "maxUsedSpace = '15%'",
		"min-free-space=100%": "minFreeSpace = '100%'",
		"reserved-space=512m, max-used-space=20GB ,min-free-space=10%": "reservedSpace = '512m' maxUsedSpace = '20GB' minFreeSpace = '10%'",
	} {
		limits, err := LimitsOf(func(name string) string { return map[string]string{LimitsVariable: text}[name] })
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		file, err := Config{Limits: limits}.render(Builder{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(string(file)) {
			if strings.Contains(line, "Space") {
				got = append(got, strings.TrimSpace(line))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for _, bad := range []string{"much", "0", "-1GB", "101%", "x%", "max=1GB", "10GB,20GB", "max-used-space=", ",", "10GB,"} {
		if _, err := LimitsOf(func(string) string { return bad }); err == nil || !strings.Contains(err.Error(), LimitsVariable+"="+bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
