package loader

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// source is everything that is settled before a file is parsed.
type source struct {
	options  Options
	env      types.Mapping      // for interpolation: the process's, then the env files'
	envFiles []string           // those read, absolute
	files    []types.ConfigFile // with their content; absolute names, or "-"
	dir      string             // the project directory, absolute
	home     string             // the same, or the working directory when dir is in a copy
	copies   []copied           // of files elsewhere
	used     readers            // set when the user has named such files
	name     string
	profiles []string
	warnings []string
	// separator stands in the names of containers; empty: "-".
	separator string
	// hostVolumes are the keys of volumes that are of no project.
	hostVolumes []string
}

// defaultFiles and defaultOverrides are the names looked for, best first.
// They are compose-go's (cli.DefaultFileNames).
var (
	defaultFiles     = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
	defaultOverrides = []string{
		"compose.override.yml", "compose.override.yaml",
		"docker-compose.override.yml", "docker-compose.override.yaml",
	}
)

// locate finds and reads the files, and with them the project's environment,
// name and profiles. The order is docker compose's: the process environment
// wins over env files; the .env beside the working directory may name the
// files (COMPOSE_FILE), and then the .env of their directory adds what is
// still missing.
func locate(ctx context.Context, o Options) (*source, error) {
	s, err := newSource(o)
	if err != nil {
		return nil, err
	}
	paths, err := s.findFiles()
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, s.noFile()
	}
	if err := s.readFiles(ctx, paths); err != nil {
		return nil, err
	}
	if s.name, err = s.projectName(); err != nil {
		return nil, err
	}
	s.profiles = o.Profiles
	if len(s.profiles) == 0 {
		for _, p := range strings.Split(s.env["COMPOSE_PROFILES"], ",") {
			if p = strings.TrimSpace(p); p != "" {
				s.profiles = append(s.profiles, p)
			}
		}
	}
	return s, nil
}

// newSource reads the process environment and the first env files.
func newSource(o Options) (*source, error) {
	if !filepath.IsAbs(o.WorkingDir) {
		return nil, fmt.Errorf("working directory %q is not absolute", o.WorkingDir)
	}
	s := &source{options: o, env: types.Mapping{}}
	for _, kv := range o.Environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k != "" {
			s.env[k] = v
		}
	}
	if _, ok := s.env["PWD"]; !ok {
		s.env["PWD"] = o.WorkingDir
	}
	if o.ProjectDirectory != "" {
		s.dir = s.abs(o.ProjectDirectory)
	}
	if err := s.readEnvFiles(s.baseDir(o.Files)); err != nil {
		return nil, err
	}
	if on, _ := strconv.ParseBool(s.env["COMPOSE_COMPATIBILITY"]); on || o.Compatibility {
		s.separator = project.OldSeparator
	}
	return s, nil
}

// baseDir is the project directory as far as it is known from paths.
func (s *source) baseDir(paths []string) string {
	if s.dir != "" {
		return s.dir
	}
	for _, p := range paths {
		switch {
		case p == "-":
		case s.elsewhere(p):
			return s.options.WorkingDir
		default:
			return filepath.Dir(s.abs(p))
		}
	}
	return s.options.WorkingDir
}

func (s *source) abs(path string) string {
	if s.elsewhere(path) {
		return path
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(s.options.WorkingDir, path)
}

// findFiles returns the absolute paths of the files to load; none is no error.
// It settles the project directory and reads the .env there.
func (s *source) findFiles() ([]string, error) {
	paths := slices.Clone(s.options.Files)
	if list, ok := s.env["COMPOSE_FILE"]; ok && len(paths) == 0 && list != "" {
		sep := s.env["COMPOSE_PATH_SEPARATOR"]
		if sep == "" {
			sep = string(os.PathListSeparator)
		}
		paths = s.splitFiles(list, sep)
	}
	if len(paths) == 0 {
		paths = s.searchUpward(s.baseDir(nil))
	}
	for i, p := range paths {
		if p != "-" {
			paths[i] = s.abs(p)
		}
	}
	s.home = s.baseDir(paths)
	s.dir = s.home
	if err := s.readEnvFiles(s.home); err != nil {
		return nil, err
	}
	return paths, nil
}

// searchUpward looks for the default names in dir and its parents.
func (s *source) searchUpward(dir string) []string {
	for {
		main := s.candidates(dir, defaultFiles, "config files")
		if main != "" {
			paths := []string{main}
			if over := s.candidates(dir, defaultOverrides, "override files"); over != "" {
				paths = append(paths, over)
			}
			return paths
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}

// candidates returns the first of names that is in dir, and warns of others.
func (s *source) candidates(dir string, names []string, what string) string {
	var there []string
	for _, name := range names {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			there = append(there, path)
		}
	}
	if len(there) == 0 {
		return ""
	}
	if len(there) > 1 {
		s.warn(fmt.Sprintf("Found multiple %s with supported names: %s. Using %s",
			what, strings.Join(there, ", "), there[0]))
	}
	return there[0]
}

func (s *source) noFile() error {
	return fmt.Errorf("%w: looked for %s in %s and its parents; use -f FILE or change to the project's directory",
		ErrNoFile, strings.Join(defaultFiles, ", "), s.baseDir(nil))
}

// readFiles reads them; those elsewhere go by the names of their copies. Where the first
// file is elsewhere, its copy is in the project directory.
func (s *source) readFiles(ctx context.Context, paths []string) error {
	var bad Problems
	first := s.options.ProjectDirectory == ""
	for _, path := range paths {
		shown, from := s.display(path), path
		var content []byte
		var err error
		if s.elsewhere(path) {
			var got Fetched
			if s.used == nil {
				s.used = readers{}
			}
			got, err = s.fetch(ctx, path)
			if from = got.File; err == nil && first {
				s.dir = filepath.Dir(from)
			}
			if err != nil && s.options.Existing {
				err = fmt.Errorf("%w; for what exists no file is needed: name the project with -p instead", err)
			}
		}
		if first = first && path == "-"; err == nil {
			content, err = s.read(from)
		}
		if err != nil {
			bad = append(bad, Problem{File: shown, Text: err.Error()})
			continue
		}
		s.files = append(s.files, types.ConfigFile{Filename: from, Content: content})
	}
	if len(bad) > 0 {
		return bad
	}
	return nil
}

func (s *source) read(path string) ([]byte, error) {
	if path == "-" {
		if s.options.Stdin == nil {
			return nil, errors.New("there is no standard input to read the file from")
		}
		content, err := io.ReadAll(s.options.Stdin)
		if content == nil {
			content = []byte{}
		}
		return content, err
	}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil, errors.New("is a directory; -f takes a file")
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(path)
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return content, err
}

// display returns path as people see it: relative to the working directory
// when beneath it.
func (s *source) display(path string) string {
	if path == "-" || !filepath.IsAbs(path) {
		return s.shown(path)
	}
	if name, ok := s.fetchedName(path); ok {
		return name
	}
	rel, err := filepath.Rel(s.options.WorkingDir, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return path
	}
	return rel
}
