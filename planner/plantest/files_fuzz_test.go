package plantest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/gocompose/gocompose/planner/plantest"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
)

// Whatever a file asks for, if it is not refused, is brought up by one plan, and
// the next finds nothing to do.
func FuzzFile(f *testing.F) {
	for _, content := range composeFiles(f) {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := load(content)
		if err != nil {
			return
		}
		if err := errors.Join(writtenSame(content, p), plantest.Converge(p)); err != nil {
			t.Fatal(err)
		}
	})
}

// The files that tests of the loader are made of converge, too.
func TestFilesConverge(t *testing.T) {
	loaded := 0
	for _, content := range composeFiles(t) {
		p, err := load(content)
		if err != nil {
			continue
		}
		loaded++
		if err := plantest.Converge(p); err != nil {
			t.Errorf("%v\n%s", err, content)
		}
	}
	if loaded < 20 {
		t.Errorf("only %d files load", loaded)
	}
}

// Projects of any attributes are brought up one over another.
func TestAttributesConverge(t *testing.T) {
	g := rapid.Custom(documents)
	for seed := range 150 {
		if err := plantest.Converge(g.Example(seed)...); err != nil {
			t.Fatalf("example %d: %v", seed, err)
		}
	}
}

func FuzzAttributes(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		if err := plantest.Converge(documents(t)...); err != nil {
			t.Fatal(err)
		}
	}))
}

// documents draws a document and some that are made of it, as far as they load.
func documents(t *rapid.T) (projects []*project.Project) {
	doc := document(t)
	for range rapid.IntRange(1, 3).Draw(t, "projects") {
		if p := repaired(t, doc); p != nil {
			projects = append(projects, p)
		}
		doc = edited(t, doc)
	}
	return projects
}

// composeFiles are those of the loader's tests.
func composeFiles(t testing.TB) (files [][]byte) {
	t.Helper()
	names, err := filepath.Glob("../../project/loader/testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".yaml") {
				files = append(files, file.Data)
			}
		}
	}
	return files
}

// load has all sources of builds there, where in truth there is nothing.
func load(content []byte) (*project.Project, error) {
	p, err := loader.Load(context.Background(), options(content))
	if err != nil {
		return nil, err
	}
	for _, s := range slices.Concat(p.Services, p.Bases) {
		if s.Build != nil {
			s.Build.Lacks = nil
		}
	}
	return p, nil
}

// repaired loads a document, without what is refused in it; nil if that leaves
// nothing.
func repaired(t *rapid.T, doc map[string]any) *project.Project {
	for range 50 {
		content, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		p, err := load(content)
		if err == nil {
			if err := writtenSame(content, p); err != nil {
				t.Fatalf("%v\n%s", err, content)
			}
			return p
		}
		var problems loader.Problems
		if !errors.As(err, &problems) {
			t.Fatalf("%v\n%s", err, content)
		}
		removed := false
		for _, problem := range problems {
			removed = remove(doc, problem.Path) || removed
		}
		if !removed {
			return nil
		}
	}
	return nil
}

// remove takes the attribute at a path of a problem out of a document: of an item
// of a list the whole list.
func remove(doc map[string]any, path string) bool {
	path, _, _ = strings.Cut(path, "[")
	keys := strings.Split(path, ".")
	for at := any(doc); len(keys) > 0; {
		m, _ := at.(map[string]any)
		next, found := m[keys[0]]
		if !found {
			return false
		}
		_, deeper := next.(map[string]any)
		if len(keys) == 1 || !deeper {
			delete(m, keys[0])
			return true
		}
		at, keys = next, keys[1:]
	}
	return false
}

// writtenSame holds that what `config` writes of a file is the same project, and is
// written again the same.
func writtenSame(content []byte, p *project.Project) error {
	written := content
	for range 2 {
		model, err := loader.LoadModel(context.Background(), options(written), loader.ModelOptions{})
		if err != nil {
			return err
		}
		again, err := model.YAML()
		if err != nil {
			return err
		}
		if &written[0] != &content[0] && !bytes.Equal(written, again) {
			return fmt.Errorf("%s\nis then\n%s", written, again)
		}
		written = again
	}
	q, err := load(written)
	if err != nil {
		return fmt.Errorf("%s\ndoes not load: %w", written, err)
	}
	q.Known = p.Known // without those that are not enabled
	for i := range q.Services {
		q.Services[i].Template.Origin = p.Services[i].Template.Origin
	}
	if !reflect.DeepEqual(p, q) {
		return fmt.Errorf("%s\nloads to\n%+v\nwant\n%+v", written, q, p)
	}
	return nil
}

func options(content []byte) loader.Options {
	return loader.Options{
		Files: []string{"-"}, Stdin: bytes.NewReader(content), WorkingDir: "/nowhere", ProjectName: plantest.ProjectName,
	}
}
