package host

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
)

func TestImagesAreNeededAsLongAsACommandGoesOn(t *testing.T) {
	h := &Host{cfg: Config{Paths: paths.Paths{State: t.TempDir()}}}
	check := func(want map[string][]string) {
		t.Helper()
		if got, err := h.neededImages(); err != nil || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v: %v", got, want, err)
		}
	}
	check(nil)
	need := func(name string, images ...string) func() error {
		t.Helper()
		p := &project.Project{Name: name}
		for _, i := range images {
			p.Services = append(p.Services, project.Service{Name: i, Template: project.Container{Image: i}})
		}
		done, err := NeedImages(h.cfg.Paths, p)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	shop, other := need("shop", "web:1", "db:1"), need("other", "web:1", "web:1")
	both, err := h.neededImages()
	if err != nil || len(both) != 2 || len(both["web:1"]) != 2 || len(both["db:1"]) != 1 {
		t.Errorf("%v: %v", both, err)
	}
	if err := shop(); err != nil {
		t.Fatal(err)
	}
	check(map[string][]string{"web:1": {"project other"}})
	// As it is after kill -9: nobody has it open.
	left := filepath.Join(h.cfg.Paths.Needs(), "left")
	if err := os.WriteFile(left, []byte("project gone\ndb:1"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(map[string][]string{"web:1": {"project other"}})
	if err := other(); err != nil {
		t.Fatal(err)
	}
	check(nil)
	if all, err := os.ReadDir(h.cfg.Paths.Needs()); err != nil || len(all) > 0 {
		t.Errorf("%v is left: %v", all, err)
	}
}

// What a build has made, by each of its names, is sent or built upon next; and what it is made of
// is looked for while it goes on.
func TestBuildsNeedWhatTheyAreMadeOf(t *testing.T) {
	h := &Host{cfg: Config{Paths: paths.Paths{State: t.TempDir()}}}
	web := project.Service{Name: "web", Template: project.Container{Image: "web:1"}, Build: &project.Build{Tags: []string{"web:2"}, Bases: []string{"base:1"}}}
	lib := project.Service{Name: "lib", Template: project.Container{Image: "lib:1"}, Build: &project.Build{Bases: []string{"box:1"}}}
	done, err := NeedImages(h.cfg.Paths, &project.Project{Name: "shop", Services: []project.Service{web}, Bases: []project.Service{lib}})
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	needed, err := h.neededImages()
	for _, ref := range []string{"web:1", "web:2", "base:1", "lib:1", "box:1"} {
		if err != nil || !reflect.DeepEqual(needed[ref], []string{"project shop"}) {
			t.Errorf("%s is needed by %v, %v", ref, needed[ref], err)
		}
	}
}

func TestOnlyTheUserSeesWhichImagesAreNeeded(t *testing.T) {
	where := paths.Paths{State: t.TempDir()}
	done, err := NeedImages(where, &project.Project{Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	err = filepath.WalkDir(where.Needs(), func(path string, d fs.DirEntry, err error) error {
		if info, ierr := d.Info(); err == nil && ierr == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
