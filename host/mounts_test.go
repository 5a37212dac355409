package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/volumes"
)

func TestAnAnonymousVolumeHasOneNameOfItsOwn(t *testing.T) {
	name := anonymousName("shop-web-1.n1", "/data")
	if anonymousName("shop-web-1.n1", "/data") != name {
		t.Error("asked again it is another")
	}
	for _, other := range []string{
		anonymousName("shop-web-1.n2", "/data"), anonymousName("shop-web-1.n1", "/dat"),
		anonymousName("shop-web-1.n1/data", ""), anonymousName("shop-web-1.n", "1/data"),
	} {
		if other == name {
			t.Error("two volumes have one name")
		}
	}
	s := volumes.Open(t.TempDir(), t.TempDir())
	if err := s.Create(t.Context(), project.Volume{Name: name}); err != nil {
		t.Errorf("no volume can have that name: %v", err)
	}
}

func TestABindSourceIsMadeOnlyWhenAskedFor(t *testing.T) {
	source := filepath.Join(t.TempDir(), "a", "b")
	m := project.Mount{Type: project.MountBind, Source: source, Target: "/x"}
	if err := bindSource(m); err == nil || !strings.Contains(err.Error(), source) {
		t.Errorf("a source that is missing: %v", err)
	}
	if _, err := os.Stat(source); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made, or: %v", err)
	}
	m.CreateHostPath = true
	for range 2 {
		if err := bindSource(m); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(source); err != nil || !info.IsDir() {
		t.Errorf("it was not made: %v", err)
	}
}

func TestABindSourceThatIsAFileStaysOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := bindSource(project.Mount{Source: file, CreateHostPath: true}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "x" {
		t.Errorf("%q %v", got, err)
	}
}
