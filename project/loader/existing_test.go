package loader_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
)

// Who only looks at what exists reads nothing; who starts it reads what there is;
// who makes it has to have all.
func TestContentsAreReadWhenTheyAreWanted(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"compose.yaml": "services: {web: {image: a, secrets: [one, gone, unset]}}\n" +
			"secrets: {one: {file: one}, gone: {file: gone}, unset: {environment: NOT_SET}}\n",
		"one": "1",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	key := func() ([]byte, error) { asked++; return []byte("key"), nil }
	load := func(existing, contents bool) (*project.Project, error) {
		return loader.Load(context.Background(), loader.Options{WorkingDir: dir, Existing: existing, Contents: contents, Key: key})
	}
	digests := func(p *project.Project) (n int) {
		for _, f := range p.Services[0].Template.Files {
			if _, ok := p.Contents.Of(f.Digest); ok {
				n++
			}
		}
		return n
	}
	p, err := load(true, false)
	if err != nil || len(p.Services[0].Template.Files) != 3 || digests(p) != 0 || asked != 0 {
		t.Errorf("to look at: %v, %v, the key was asked for %d times", p, err, asked)
	}
	p, err = load(true, true)
	if err != nil || digests(p) != 1 || p.Services[0].Template.Files[1].Digest != project.ContentDigest([]byte("key"), []byte("1")) {
		t.Errorf("to start: %v, %v", p, err)
	}
	asked = 0
	if _, err = load(false, false); err == nil || strings.Count(err.Error(), "\n") != 1 || asked != 0 {
		t.Errorf("to make: %v, the key was asked for %d times", err, asked)
	}
}

func TestAKeyThatCannotBeHadIsAnError(t *testing.T) {
	broken := errors.New("broken")
	_, err := loader.Load(context.Background(), loader.Options{
		WorkingDir: t.TempDir(), Files: []string{"-"}, ProjectName: "p", Key: func() ([]byte, error) { return nil, broken },
		Stdin: strings.NewReader("services: {web: {image: a, configs: [c]}}\nconfigs: {c: {content: x}}\n"),
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
