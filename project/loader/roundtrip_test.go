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

// What `config` prints says about networks, names and ports what the files say.
func TestWhatConfigPrintsLoadsToTheSameProject(t *testing.T) {
	for _, name := range []string{
		"every-honoured-attribute",
		"network-modes",
		"networks-in-all-their-forms",
		"services-on-networks",
		"ports-in-all-their-forms",
		"ports-are-bound-to-the-address-of-their-network",
	} {
		t.Run(name, func(t *testing.T) {
			archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
			if err != nil {
				t.Fatal(err)
			}
			o := newScenario(t, archive).options
			o.Warn = nil
			model := loadModel(t, o, loader.ModelOptions{})
			want := loaded(t, o)
			for form, write := range map[string]func() ([]byte, error){"YAML": model.YAML, "JSON": model.JSON} {
				out, err := write()
				if err != nil {
					t.Fatal(err)
				}
				again := o
				again.Files, again.Stdin, again.ProjectName = []string{"-"}, bytes.NewReader(out), model.Name()
				if got := loaded(t, again); !reflect.DeepEqual(got, want) {
					t.Errorf("%s\nloads to\n%+v\nwant\n%+v", out, got, want)
				}
				if form == "YAML" && strings.Contains(string(out), "dns_search: []") {
					t.Error("an empty list of search domains is written, and read as none given")
				}
			}
		})
	}
}

// loaded is the project without what says where it is from, and without names of
// services that are not enabled, which `config` leaves out.
func loaded(t *testing.T, o loader.Options) *project.Project {
	t.Helper()
	p, err := loader.Load(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	p.Known = nil
	for i := range p.Services {
		p.Services[i].Template.Origin = project.Origin{}
	}
	return p
}
