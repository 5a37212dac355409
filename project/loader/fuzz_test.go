package loader_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gocompose/gocompose/project/loader"
)

// Whatever the file holds, it loads or is refused with problems, and twice the
// same.
func FuzzLoad(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".yaml") {
				f.Add(file.Data)
			}
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		load := func() (any, error) {
			return loader.Load(context.Background(), loader.Options{
				Files: []string{"-"}, Stdin: bytes.NewReader(content), WorkingDir: dir, ProjectName: "fuzz",
			})
		}
		p, err := load()
		again, errAgain := load()
		if (err == nil) != (errAgain == nil) || err == nil && !reflect.DeepEqual(p, again) {
			t.Fatalf("first %v, %v\nthen %v, %v", p, err, again, errAgain)
		}
		var problems loader.Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("error is no Problems: %v", err)
		}
	})
}
