package loader

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"github.com/gocompose/gocompose/project"
)

// Elsewhere is how files are got that are not on this host. Its zero value is for nobody
// who gets them.
type Elsewhere struct {
	// Accepts tells by a name's form whether it is one of a file elsewhere.
	Accepts func(name string) bool
	Fetch   func(ctx context.Context, name string) (Fetched, error)
	// Shown returns a name without its password.
	Shown func(name string) string
}

// Fetched is the copy of a file, with what came with it.
type Fetched struct {
	// File is in Root, and Mounts has the same as Root, for containers to write to. All
	// are absolute.
	File, Root, Mounts string
	// Pinned is the name of this very version, Source the name of all versions.
	Pinned, Source string
}

// copied is a file that was fetched, by the name that the user or a file has for it.
type copied struct {
	Fetched
	name string
}

// fetcher has compose-go load files elsewhere: those that others include or extend.
type fetcher struct{ s *source }

var _ loader.ResourceLoader = fetcher{}

func (f fetcher) Accept(name string) bool { return f.s.elsewhere(name) }

func (f fetcher) Load(ctx context.Context, name string) (string, error) {
	if !f.s.namedOpenly(name) {
		p := f.s.whereNamed(name)
		p.Text = "a file from elsewhere names another one with variables of this host, " +
			"of which whoever has that one would be told: fetch the files, and name the copies"
		return "", Problems{p}
	}
	c, err := f.s.fetch(ctx, name)
	if err != nil {
		return "", Problems{f.s.notFetched(name, err)}
	}
	return c.File, nil
}

// Dir is the folder that paths in a file are relative to. Compose-go asks by the name, or by
// what Load has returned for it.
func (f fetcher) Dir(name string) string {
	for _, c := range f.s.copies {
		if c.name == name {
			return filepath.Dir(c.File)
		}
	}
	return filepath.Dir(name)
}

// elsewhere tells whether a name is that of a file elsewhere. What has the form of a URL is
// no path, whoever gets files.
func (s *source) elsewhere(name string) bool {
	if s.options.Elsewhere.Accepts == nil {
		return strings.Contains(name, "://")
	}
	return s.options.Elsewhere.Accepts(name)
}

// fetch gets a file, and remembers it.
func (s *source) fetch(ctx context.Context, name string) (Fetched, error) {
	if s.options.Elsewhere.Fetch == nil {
		return Fetched{}, errors.New("files elsewhere are not fetched here; fetch it and name the copy")
	}
	got, err := s.options.Elsewhere.Fetch(ctx, name)
	if err != nil {
		return Fetched{}, err
	}
	if !slices.ContainsFunc(s.copies, func(c copied) bool { return c.name == name }) {
		s.copies = append(s.copies, copied{got, name})
	}
	return got, nil
}

// namedOpenly tells whether a file elsewhere is named by one of this host, or without variables of
// the user: nobody was asked about these yet.
func (s *source) namedOpenly(name string) bool {
	if len(s.copies) == 0 {
		return true
	}
	open := false
	s.eachDocument(func(file string, doc *yaml.Node) {
		env := s.env.Resolve
		if _, copied := s.copyOf(file); copied {
			env = func(string) (string, bool) { return "", false }
		}
		for _, n := range namedFiles(doc) {
			text, err := template.SubstituteWithOptions(n.node.Value, env, template.WithoutLogging) // they may well be set
			open = open || err == nil && text == name
		}
	})
	return open
}

// whereNamed is the place where a copied file names another one with variables.
func (s *source) whereNamed(name string) Problem {
	p := Problem{File: s.shown(s.copies[0].name)}
	s.eachDocument(func(file string, doc *yaml.Node) {
		if _, copied := s.copyOf(file); !copied {
			return
		}
		for _, n := range namedFiles(doc) {
			text, err := template.SubstituteWithOptions(n.node.Value, s.env.Resolve, template.WithoutLogging)
			if err == nil && text == name && n.node.Value != name && p.Line == 0 {
				p = Problem{File: s.display(file), Line: n.node.Line, Column: n.node.Column, Path: n.path}
			}
		}
	})
	return p
}

// notFetched is the problem of a file that another names, at its place there.
func (s *source) notFetched(name string, err error) Problem {
	p := Problem{File: s.shown(name), Text: err.Error()}
	s.eachDocument(func(file string, doc *yaml.Node) {
		for _, n := range namedFiles(doc) {
			if n.node.Value == name && p.Line == 0 {
				p = Problem{File: s.display(file), Line: n.node.Line, Column: n.node.Column, Path: n.path,
					Text: s.shown(name) + ": " + err.Error()}
			}
		}
	})
	return p
}

func (s *source) shown(name string) string {
	if s.options.Elsewhere.Shown == nil {
		return name
	}
	return s.options.Elsewhere.Shown(name)
}

// mountedFrom is mounted, with the folder that the path may not be led out of: containers
// write there, and could put a link in the place of what another mounts.
func (s *source) mountedFrom(path string) (mounted, root string) {
	mounted = s.mounted(path)
	for _, c := range s.copies {
		if within(c.Mounts, mounted) {
			return filepath.Clean(mounted), c.Mounts
		}
	}
	return mounted, ""
}

// copyOf returns the copy that a path is in.
func (s *source) copyOf(path string) (copied, bool) {
	for _, c := range s.copies {
		if within(c.Root, path) {
			return c, true
		}
	}
	return copied{}, false
}

// fetchedName is what people see of a path in a copy: the file's name, or that and the path.
func (s *source) fetchedName(path string) (string, bool) {
	for _, c := range s.copies {
		if c.File == path {
			return s.shown(c.name), true
		}
	}
	c, ok := s.copyOf(path)
	if !ok {
		return "", false
	}
	rel, err := filepath.Rel(c.Root, path)
	if err != nil {
		return "", false
	}
	return c.Source + " " + rel, true
}

// pinned returns the name by which a file can be had again: of one elsewhere that of its
// version.
func (s *source) pinned(file string) string {
	for _, c := range s.copies {
		if c.File == file {
			return c.Pinned
		}
	}
	return file
}

// mounted returns the path that a container gets to see in the place of one of what was
// fetched: what it writes there is read by no command.
func (s *source) mounted(path string) string {
	c, ok := s.copyOf(path)
	if !ok {
		return path
	}
	rel, err := filepath.Rel(c.Root, path)
	if err != nil {
		return path
	}
	return filepath.Join(c.Mounts, rel)
}

// mountCopies puts the copies for containers in the place of those that are read, where
// paths are made absolute already.
func (s *source) mountCopies(model *types.Project) {
	if len(s.copies) == 0 {
		return
	}
	mount := func(volumes []types.ServiceVolumeConfig) {
		for i, v := range volumes {
			if v.Type == types.VolumeTypeBind {
				volumes[i].Source = s.mounted(v.Source)
			}
		}
	}
	for _, service := range model.AllServices() {
		mount(service.Volumes)
		for _, h := range service.PreStart {
			mount(h.Volumes)
		}
	}
	for _, v := range model.Volumes {
		if device, ok := v.DriverOpts[project.VolumeDevice]; ok {
			v.DriverOpts[project.VolumeDevice] = s.mounted(device)
		}
	}
}

// within tells whether a path is that of a folder, or in it, by its text.
func within(dir, path string) bool {
	path = filepath.Clean(path)
	return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
}

var (
	// urlScheme and urlRest are what a URL's first colon parts.
	urlScheme = lazily(`^(oci|https?|git|ssh|file)$`)
	portOrTag = lazily(`^[0-9]+(/|$)`)
	aUser     = lazily(`^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9.-]+$`)
	aTag      = lazily(`^[A-Za-z0-9_][A-Za-z0-9._-]*(@sha256)?$`)
)

// splitFiles takes a COMPOSE_FILE apart. With a colon between files, names of files
// elsewhere are put together again; what follows an artifact's name is its tag unless
// there is such a file.
func (s *source) splitFiles(list, sep string) []string {
	parts := strings.Split(list, sep)
	if sep != ":" || s.options.Elsewhere.Accepts == nil {
		return parts
	}
	var files []string
	for i := 0; i < len(parts); i++ {
		name := parts[i]
		for i+1 < len(parts) && s.goesOn(name, parts[i+1]) {
			i++
			name += ":" + parts[i]
		}
		files = append(files, name)
	}
	return files
}

// goesOn tells whether a name elsewhere has a part after a colon.
func (s *source) goesOn(name, next string) bool {
	switch artifact := strings.HasPrefix(name, "oci://"); {
	case urlScheme().MatchString(name):
		return strings.HasPrefix(next, "//")
	case aUser().MatchString(name): // git@example.com:shop/app.git
		return true
	case !s.elsewhere(name):
		return false
	case strings.Contains(name, "#"): // #main:deploy
		return !strings.Contains(name[strings.IndexByte(name, '#'):], ":") && !s.isThere(next)
	case portOrTag().MatchString(next):
		return true
	case artifact && strings.HasSuffix(name, "@sha256"):
		return true
	default:
		return artifact && aTag().MatchString(next) && !s.isThere(next) &&
			!strings.HasSuffix(next, ".yaml") && !strings.HasSuffix(next, ".yml")
	}
}

func (s *source) isThere(path string) bool {
	_, err := os.Stat(s.abs(path))
	return err == nil
}
