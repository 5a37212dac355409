package loader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

// ProjectName returns the name of the project without loading it: -p, then
// COMPOSE_PROJECT_NAME, then the files' top-level name, then the project
// directory's. Only for the last two a file is needed; ErrNoFile says that
// there is none.
func ProjectName(ctx context.Context, o Options) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	s, err := newSource(o)
	if err != nil {
		return "", err
	}
	if name, err := s.explicitName(); name != "" || err != nil {
		return name, err
	}
	paths, err := s.findFiles()
	if err != nil {
		return "", err
	}
	if name, err := s.explicitName(); name != "" || err != nil {
		return name, err
	}
	if len(paths) == 0 {
		return "", s.noFile()
	}
	if err := s.readFiles(ctx, paths); err != nil {
		return "", err
	}
	return s.projectName()
}

func (s *source) explicitName() (string, error) {
	name := s.options.ProjectName
	if name == "" {
		name = s.env["COMPOSE_PROJECT_NAME"]
	}
	if name != "" && loader.NormalizeProjectName(name) != name {
		return "", loader.InvalidProjectNameErr(name)
	}
	return name, nil
}

func (s *source) projectName() (string, error) {
	if name, err := s.explicitName(); name != "" || err != nil {
		return name, err
	}
	name, err := s.nameInFiles()
	if err != nil {
		return "", err
	}
	if name = loader.NormalizeProjectName(name); name != "" {
		return name, nil
	}
	base := filepath.Base(s.home)
	if real, err := filepath.EvalSymlinks(s.home); err == nil && filepath.Base(real) != base {
		s.warn(fmt.Sprintf("project has been loaded without an explicit name from a symlink. Using name %q", base))
	}
	if name = loader.NormalizeProjectName(base); name == "" {
		return "", errors.New("project name must not be empty: use -p NAME, " +
			"or a top-level name in the compose file")
	}
	return name, nil
}

// mayName matches files that may have a top-level name; others are not parsed
// for it.
var mayName = lazily(`(?m)^["']?name["']?\s*:|^\s*\{|^\?`)

// nameInFiles returns the last top-level name, interpolated.
func (s *source) nameInFiles() (string, error) {
	last := ""
	for _, file := range s.files {
		if !mayName().Match(file.Content) {
			continue
		}
		decoder := yaml.NewDecoder(bytes.NewReader(file.Content))
		for {
			var doc struct {
				Name string `yaml:"name"`
			}
			if decoder.Decode(&doc) != nil {
				break // the end, or what the loader reports with its place
			}
			if doc.Name != "" {
				last = doc.Name
			}
		}
	}
	name, err := template.SubstituteWithOptions(last, s.env.Resolve, template.WithoutLogging)
	if err != nil {
		return "", s.problems([]finding{{path: []string{"name"}, text: err.Error()}})
	}
	return name, nil
}

// NormalName returns the text as the name of a project: what cannot be in one is left
// out.
func NormalName(text string) string { return loader.NormalizeProjectName(text) }
