package jsondir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gocompose/gocompose/internal/jsondir"
)

type record struct{ Number int }

func dir(t *testing.T) jsondir.Dir[record] {
	return jsondir.Dir[record]{Path: filepath.Join(t.TempDir(), "new"), Check: func(name string) error {
		if filepath.Base(name) != name || name[0] == '.' {
			return errors.New("a path")
		}
		return nil
	}}
}

func TestWhatIsWrittenIsReadAndListed(t *testing.T) {
	d := dir(t)
	if all, err := d.List(); len(all) > 0 || err != nil {
		t.Errorf("before there is a folder: %v, %v", all, err)
	}
	for i, name := range []string{"b", "a"} {
		if err := d.Write(name, record{i}); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := d.Read("a"); err != nil || r.Number != 1 {
		t.Errorf("read %v, %v", r, err)
	}
	if all, err := d.List(); err != nil || !slices.Equal(all, []record{{1}, {0}}) {
		t.Errorf("listed %v, %v", all, err)
	}
	if err := errors.Join(d.Remove("a"), d.Remove("a")); err != nil {
		t.Error(err)
	}
	if _, err := d.Read("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed: %v", err)
	}
}

func TestARecordThatCannotBeReadIsOneErrorAndNoMore(t *testing.T) {
	d := dir(t)
	if err := d.Write("good", record{7}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Path, "torn.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := d.List()
	if err == nil || !slices.Equal(all, []record{{7}}) {
		t.Errorf("listed %v, %v", all, err)
	}
}

func TestNoNameIsAPath(t *testing.T) {
	d := dir(t)
	if err := d.Write("../out", record{}); err == nil {
		t.Error("written")
	}
	if _, err := d.Read("../out"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read: %v", err)
	}
}
