package loader_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/gocompose/gocompose/project/loader"
)

// published loads the files of an archive, of which compose.yaml is the first.
func published(t *testing.T, archive string, withEnv bool) (loader.Application, error) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return loader.Publishable(t.Context(), loader.Options{WorkingDir: dir, ProjectName: "shop", WithEnv: withEnv})
}

func TestFilesArePublishedAsTheyAreWritten(t *testing.T) {
	const file = "services:\n  web: {image: \"web:${TAG:-1}\", environment: [A, \"B=${B}\"], volumes: [\"./data:/data\"]} # as it is\n"
	app, err := published(t, "-- compose.yaml --\n"+file+"-- compose.override.yaml --\nservices: {web: {profiles: [x]}}\n", false)
	if err != nil {
		t.Fatal(err)
	}
	if len(app.Files) != 2 || string(app.Files[0].Content) != file || app.Files[0].Name != "compose.yaml" || app.Files[1].Name != "compose.override.yaml" {
		t.Errorf("%s", app.Files)
	}
	if len(app.Binds) != 1 || !strings.HasPrefix(app.Binds[0], "web: /") {
		t.Errorf("%q", app.Binds)
	}
	if len(app.Images) != 1 || app.Images[0] != "web:1" {
		t.Errorf("%q", app.Images)
	}
}

func TestFilesThatOthersNameArePublishedBeside(t *testing.T) {
	app, err := published(t, `-- compose.yaml --
services:
  # stays
  web: {extends: {file: base/web.yaml, service: web}, env_file: [one.env, {path: one.env, required: true}]}
-- one.env --
A=1
-- base/web.yaml --
services:
  web: {image: "web:1", env_file: two.env, extends: {file: deep.yaml, service: deep}}
-- base/deep.yaml --
services: {deep: {image: "deep:1"}}
-- base/two.env --
B=2
`, true)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range append(app.Extended, app.EnvFiles...) {
		names[f.Name] = true
	}
	if len(app.Extended) != 2 || len(app.EnvFiles) != 2 {
		t.Errorf("%d and %d", len(app.Extended), len(app.EnvFiles))
	}
	for _, f := range append(app.Files, app.Extended...) {
		for _, name := range regexp.MustCompile(`[a-z0-9./]+\.(yaml|env)\b`).FindAllString(string(f.Content), -1) {
			if !names[name] {
				t.Errorf("%s names %s, which is not published", f.Name, name)
			}
		}
	}
	if !strings.Contains(string(app.Files[0].Content), "# stays") {
		t.Errorf("%s", app.Files[0].Content)
	}
}

func TestWhatMayBeSecretIsNotPublishedUnasked(t *testing.T) {
	const archive = `-- compose.yaml --
services:
  web: {image: "web:1", environment: {PASSWORD: "hunter2", DEFAULTED: "${X:-hunter3}", FROM: "$FROM", BARE: }, env_file: some.env}
configs: {c: {content: "hunter4"}, d: {content: "${D}"}}
-- some.env --
A=hunter5
`
	_, err := published(t, archive, false)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"environment.PASSWORD", "environment.DEFAULTED", "env_file", "configs.c.content"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing of %s in:\n%v", want, err)
		}
	}
	for _, not := range []string{"FROM", "BARE", "configs.d", "hunter"} {
		if strings.Contains(err.Error(), not) {
			t.Errorf("%s in:\n%v", not, err)
		}
	}
	if _, err := published(t, archive, true); err != nil {
		t.Error(err)
	}
}

// Files are published as they are written, with what does not come into the project.
func TestWhatMayBeSecretIsFoundInEveryFile(t *testing.T) {
	for archive, want := range map[string]string{
		`-- compose.yaml --
services: {web: {image: "web:1", environment: {PASSWORD: hunter2}}}
-- compose.override.yaml --
services: {web: {environment: {PASSWORD: "$PASSWORD"}}}
`: "compose.yaml:1:58: services.web.environment.PASSWORD: ",
		`-- compose.yaml --
services: {web: {image: "web:1", environment: [PASSWORD=hunter2]}}
-- compose.override.yaml --
services: {web: {environment: ["PASSWORD=$PASSWORD"]}}
`: "compose.yaml:1:47: services.web.environment.PASSWORD: ",
		`-- compose.yaml --
services: {web: {extends: {file: base.yaml, service: web}}}
-- base.yaml --
services:
  web: {image: "web:1"}
  other: {image: "web:1", env_file: other.env, environment: {PASSWORD: hunter2}}
-- other.env --
A=hunter3
`: "base.yaml:3:",
		`-- compose.yaml --
services: {web: {image: "web:1", environment: {PASSWORD: hunter2}}}
---
services: {web: {environment: {PASSWORD: "$PASSWORD"}}}
`: "compose.yaml:1:58: services.web.environment.PASSWORD: ",
		`-- compose.yaml --
services: {web: {image: "web:1"}}
---
services: {web: {environment: {PASSWORD: hunter2}}}
---
services: {web: {environment: {PASSWORD: "$PASSWORD"}}}
`: "compose.yaml:3:42: services.web.environment.PASSWORD: ",
		`-- compose.yaml --
services: {web: {image: "web:1", env_file: !reset []}}
configs: {s: {content: hunter2}}
-- compose.override.yaml --
configs: {s: !override {file: s}}
-- s --
`: "compose.yaml:2:24: configs.s.content: ",
	} {
		_, err := published(t, archive, false)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s\n%v", archive, err)
		}
		if _, err := published(t, archive, true); err != nil {
			t.Errorf("%s\n%v", archive, err)
		}
	}
}

func TestWhatCannotBePublishedIsRefused(t *testing.T) {
	for archive, want := range map[string]string{
		"-- compose.yaml --\nservices: {web: {build: .}}\n":                                                          "compose.yaml:1:18: services.web.build: what is built here is not published",
		"-- compose.yaml --\ninclude: [other.yaml]\nservices: {}\n-- other.yaml --\nservices: {web: {image: web}}\n": "compose.yaml:1:10: include: files that it includes",
		"-- compose.yaml --\nservices: {web: {image: web, env_file: [{path: \"${E}.env\", required: false}]}}\n":     "depends on a variable",
	} {
		if _, err := published(t, archive, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v", archive, err)
		}
	}
}

func TestAllDocumentsOfAFileArePublished(t *testing.T) {
	app, err := published(t, "-- compose.yaml --\nservices: {web: {image: a}}\n---\nservices: {web: {env_file: some.env}}\n---\nservices: {db: {image: b}}\n-- some.env --\nA=1\n", true)
	if err != nil {
		t.Fatal(err)
	}
	text := string(app.Files[0].Content)
	if strings.Count(text, "---") != 2 || !strings.Contains(text, app.EnvFiles[0].Name) || !strings.Contains(text, "db:") {
		t.Errorf("%s", text)
	}
}
