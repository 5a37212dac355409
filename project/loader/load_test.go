package loader_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/secrets/content"
)

// scenario is one testdata/*.txtar: options, files, and what comes of them.
//
// Its comment holds options, one a line, "# " for remarks:
//
//	files: a.yaml b.yaml        name: x           directory: sub
//	profiles: p q               env-files: x.env  env: KEY=value
//	services: web db            scale: web=2      cd: sub
//	external: folder
//	one-off: {"Slug":…}         of-image: nginx
//	stdin: stdin.yaml           no-deps | all-resources | compatibility | watch
//
// "want" has lines like "web.image = …" with JSON of parts of the project;
// "problems" and "warnings" are whole. The files' folder is shown as $DIR.
type scenario struct {
	archive *txtar.Archive
	dir     string
	options loader.Options
	image   string // of OfImage
	warned  []string
}

func (s *scenario) load(o loader.Options) (*project.Project, error) {
	if s.image != "" {
		return loader.OfImage(o, s.image)
	}
	return loader.Load(context.Background(), o)
}

func TestScenarios(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s := newScenario(t, archive)
			p, err := s.load(s.options)
			s.check(t, p, err)
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err == nil {
				again, err := s.load(newScenario(t, archive).at(s))
				if err != nil || !reflect.DeepEqual(p, again) {
					t.Errorf("a second load differs: %v", err)
				}
			}
		})
	}
}

func newScenario(t *testing.T, archive *txtar.Archive) *scenario {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	for _, f := range archive.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := &scenario{archive: archive, dir: dir}
	s.options.WorkingDir = dir
	s.options.Node = loader.Node{Hostname: "here", OS: "linux", Arch: "amd64"}
	s.options.Warn = func(text string) { s.warned = append(s.warned, text) }
	for _, line := range strings.Split(string(archive.Comment), "\n") {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			s.option(t, line)
		}
	}
	return s
}

// at returns the scenario's options for the files of another run of it.
func (s *scenario) at(first *scenario) loader.Options {
	o := s.options
	o.WorkingDir, o.Environ, o.Warn = first.options.WorkingDir, first.options.Environ, nil
	return o
}

func (s *scenario) option(t *testing.T, line string) {
	t.Helper()
	o := &s.options
	key, value, _ := strings.Cut(line, ": ")
	words := strings.Fields(value)
	switch key {
	case "files":
		o.Files = words
	case "name":
		o.ProjectName = value
	case "directory":
		o.ProjectDirectory = value
	case "profiles":
		o.Profiles = words
	case "env-files":
		o.EnvFiles = words
	case "env":
		o.Environ = append(o.Environ, strings.ReplaceAll(value, "$DIR", s.dir))
	case "services":
		o.Services = words
	case "scale":
		name, n, _ := strings.Cut(value, "=")
		count, err := strconv.Atoi(n)
		if err != nil {
			t.Fatal(err)
		}
		o.Scale = map[string]int{name: count}
	case "one-off": // a loader.OneOff, in JSON
		o.OneOff = &loader.OneOff{}
		if err := json.Unmarshal([]byte(value), o.OneOff); err != nil {
			t.Fatal(err)
		}
	case "of-image":
		s.image = value
	case "cd":
		o.WorkingDir = filepath.Join(s.dir, value)
	case "stdin":
		o.Stdin = bytes.NewReader(s.file(value).Data)
	case "external":
		dir := filepath.Join(s.dir, value)
		o.External = content.Folders{Secrets: []string{dir}, Configs: []string{dir}}
	case "no-deps":
		o.NoDeps = true
	case "watch":
		o.Watch = true
	case "all-resources":
		o.AllResources = true
	case "compatibility":
		o.Compatibility = true
	default:
		t.Fatalf("unknown option %q", line)
	}
}

func (s *scenario) file(name string) *txtar.File {
	for i := range s.archive.Files {
		if s.archive.Files[i].Name == name {
			return &s.archive.Files[i]
		}
	}
	return nil
}

func (s *scenario) check(t *testing.T, p *project.Project, err error) {
	t.Helper()
	if f := s.file("warnings"); f != nil || len(s.warned) > 0 {
		s.compare(t, "warnings", strings.Join(s.warned, "\n")+"\n")
	}
	if err != nil {
		s.compare(t, "problems", err.Error()+"\n")
		return
	}
	want := s.file("want")
	if want == nil {
		t.Fatal("it loads, and the scenario has no want")
	}
	parts := partsOf(t, p)
	var got strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(string(want.Data)), "\n") {
		path, _, _ := strings.Cut(line, " = ")
		path = strings.TrimSuffix(path, " =")
		value, err := json.Marshal(lookup(parts, strings.Split(path, ".")))
		if err != nil {
			t.Fatal(err)
		}
		got.WriteString(path + " = " + string(value) + "\n")
	}
	s.compare(t, "want", got.String())
}

func (s *scenario) compare(t *testing.T, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, s.dir, "$DIR")
	f := s.file(name)
	if f == nil {
		s.archive.Files = append(s.archive.Files, txtar.File{Name: name})
		f = s.file(name)
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		f.Data = []byte(got)
		return
	}
	if got != string(f.Data) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, f.Data)
	}
}

// partsOf returns the project with its services by name beside its own fields.
func partsOf(t *testing.T, p *project.Project) map[string]any {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var parts map[string]any
	if err := json.Unmarshal(b, &parts); err != nil {
		t.Fatal(err)
	}
	var names []any
	for _, s := range parts["services"].([]any) {
		service := s.(map[string]any)
		template := service["template"].(map[string]any)
		for _, key := range []string{"replicas", "noAttach", "pull", "job", "update", "rollback", "separator", "watch", "build"} {
			template[key] = service[key]
		}
		if by, asked := service["verify"]; asked {
			template["verify"] = by
		}
		names = append(names, service["name"])
		parts[service["name"].(string)] = template
	}
	parts["services"] = names
	return parts
}

func lookup(v any, path []string) any {
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}
