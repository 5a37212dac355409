package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What one of our programs starts is installed beside it.
func TestEveryProgramIsInstalled(t *testing.T) {
	text, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^programs +:= (.*)$`).FindSubmatch(text)
	if line == nil {
		t.Fatal("the Makefile does not say which programs it installs")
	}
	installed := strings.Fields(string(line[1]))
	for _, pattern := range []string{"*/main.go", "../verify/cmd/*/main.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		for _, file := range found {
			if name := filepath.Base(filepath.Dir(file)); !slices.Contains(installed, name) {
				t.Errorf("make install leaves %s out", name)
			}
		}
	}
	built := regexp.MustCompile(`(?m)^\$\(BIN\)/([a-z]+): bundle/`).FindAllSubmatch(text, -1)
	if len(built) == 0 {
		t.Error("no program of the bundle is built")
	}
	for _, m := range built {
		if name := string(m[1]); !slices.Contains(installed, name) {
			t.Errorf("make install leaves %s out", name)
		}
	}
}
