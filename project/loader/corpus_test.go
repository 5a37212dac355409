package loader_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project/loader"
)

// Real files either load or are refused with a place for each problem.
func TestRealFilesLoadOrAreRefusedWithPlaces(t *testing.T) {
	root, err := filepath.Abs("../../../shared/corpus")
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := filepath.Glob(filepath.Join(root, "*", ""))
	if err != nil || len(dirs) == 0 {
		t.Skip("the corpus of real files is not here")
	}
	loads := 0
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			p, err := loader.Load(context.Background(), loader.Options{WorkingDir: dir})
			if err == nil {
				loads++
				if len(p.Services) == 0 {
					t.Error("loaded without services")
				}
				return
			}
			var problems loader.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error is no Problems: %v", err)
			}
			for _, p := range problems {
				t.Log(p)
				if strings.HasSuffix(p.Path, ".build") {
					t.Errorf("refused for being built: %+v", p)
				}
				if p.File == "" || p.Line == 0 || p.Path == "" {
					t.Errorf("problem without a place: %+v", p)
				}
			}
		})
	}
	t.Logf("%d of %d load", loads, len(dirs))
}
