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

	"github.com/compose-spec/compose-go/v2/dotenv"
)

// Environment returns the variables that files are interpolated with, sorted,
// as "KEY=value": the process's, then those of the env files. It is how
// COMPOSE_* variables of a .env reach a command. No compose file is needed.
func Environment(ctx context.Context, o Options) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := newSource(o)
	if err != nil {
		return nil, err
	}
	if _, err := s.findFiles(); err != nil {
		return nil, err
	}
	return s.env.Values(), nil
}

// readEnvFiles adds to the environment what the env files define and what is
// not in it yet. Files that were asked for must exist; .env in dir need not.
func (s *source) readEnvFiles(dir string) error {
	files := s.options.EnvFiles
	if len(files) == 0 && s.options.environ("COMPOSE_ENV_FILES") != "" {
		files = strings.Split(s.options.environ("COMPOSE_ENV_FILES"), ",")
	}
	if len(files) == 0 {
		file, err := s.defaultEnvFile(dir)
		if err != nil || file == "" {
			return err
		}
		files = []string{file}
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = s.abs(s.expandHome(f))
	}
	var missing Problems
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			missing = append(missing, Problem{File: s.display(path),
				Text: "no such env file; see --env-file and COMPOSE_ENV_FILES"})
		}
	}
	if len(missing) > 0 {
		return missing
	}
	vars, err := dotenv.GetEnvFromFile(s.env, paths)
	if err != nil {
		return s.explain(err)
	}
	s.env.Merge(vars)
	for _, p := range paths {
		if !slices.Contains(s.envFiles, p) {
			s.envFiles = append(s.envFiles, p)
		}
	}
	return nil
}

// defaultEnvFile returns dir's .env, or "" when there is none to read.
func (s *source) defaultEnvFile(dir string) (string, error) {
	if v := s.options.environ("COMPOSE_DISABLE_ENV_FILE"); v != "" {
		off, err := strconv.ParseBool(v)
		if err != nil {
			return "", fmt.Errorf("COMPOSE_DISABLE_ENV_FILE is %q: want true or false", v)
		}
		if off {
			return "", nil
		}
	}
	file := filepath.Join(dir, ".env")
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, fs.ErrPermission):
		s.warn(fmt.Sprintf("cannot access %s, ignoring default env file: %v", file, err))
		return "", nil
	case err != nil:
		return "", fmt.Errorf("reading env files: %w", err)
	case info.IsDir():
		return "", nil
	}
	return file, nil
}

// environ returns a variable of the process environment only.
func (o Options) environ(name string) string {
	value := ""
	for _, kv := range o.Environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			value = v
		}
	}
	return value
}

func (s *source) expandHome(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && s.env["HOME"] != "" {
		return filepath.Join(s.env["HOME"], rest)
	}
	return path
}

// rawFormat reads an env_file of `format: raw`: lines of KEY=value, each value
// taken as it stands; a KEY alone takes its value from the environment. Blank
// lines and lines that begin with # are skipped.
func rawFormat(r io.Reader, file string, vars map[string]string, lookup func(string) (string, bool)) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if i == 0 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if key == "" || strings.ContainsAny(key, " \t") {
			return fmt.Errorf("%s:%d: invalid variable name %q", file, i+1, key)
		}
		if !ok {
			if value, ok = lookup(key); !ok {
				continue
			}
		}
		vars[key] = value
	}
	return nil
}
