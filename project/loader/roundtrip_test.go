package loader_test

import (
	"bytes"
	"context"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
)

// What `config` prints says what the files say, and is printed again the same.
func TestWhatConfigPrintsLoadsToTheSameProject(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	loads := 0
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if fileOf(archive, "problems") {
			continue
		}
		loads++
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			fresh := func() loader.Options { // what is read from is read once
				o := newScenario(t, archive).options
				o.Warn = nil
				return o
			}
			o := fresh()
			if o.OneOff != nil {
				t.Skip("what run wants is in no file")
			}
			want := loaded(t, o)
			if len(want.Bases) > 0 {
				t.Skip("what is not selected is not printed")
			}
			o2 := fresh()
			o2.WorkingDir = o.WorkingDir
			model := loadModel(t, o2, loader.ModelOptions{})
			for form, write := range map[string]func(*loader.Model) ([]byte, error){"YAML": (*loader.Model).YAML, "JSON": (*loader.Model).JSON} {
				out, err := write(model)
				if err != nil {
					t.Fatal(err)
				}
				again := o
				again.Files, again.ProjectName = []string{"-"}, model.Name()
				again.Stdin = bytes.NewReader(out)
				if got := loaded(t, again); !reflect.DeepEqual(got, want) {
					t.Errorf("%s\nloads to\n%+v\nwant\n%+v", out, got, want)
				}
				again.Stdin = bytes.NewReader(out)
				second, err := write(loadModel(t, again, loader.ModelOptions{}))
				if err != nil || !bytes.Equal(out, second) {
					t.Errorf("%v\n%s\nis then\n%s", err, out, second)
				}
				if form == "YAML" && strings.Contains(string(out), "dns_search: []") {
					t.Error("an empty list of search domains is written, and read as none given")
				}
			}
		})
	}
	if loads < 40 {
		t.Errorf("only %d scenarios load", loads)
	}
}

func fileOf(a *txtar.Archive, name string) bool {
	for _, f := range a.Files {
		if f.Name == name {
			return true
		}
	}
	return false
}

// loaded is the project without what says where it is from, and without names of
// services that are not enabled, which `config` leaves out.
func loaded(t *testing.T, o loader.Options) *project.Project {
	t.Helper()
	p, err := loader.Load(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	p.Known, p.Builds = nil, nil
	for i := range p.Services {
		p.Services[i].Template.Origin = project.Origin{}
		by := &p.Services[i].Verify // it has absolute paths then
		by.Key, by.Root = filepath.Base(by.Key), filepath.Base(by.Root)
		if b := p.Services[i].Build; b != nil {
			b.Lacks = nil // which has lines
		}
	}
	return p
}
