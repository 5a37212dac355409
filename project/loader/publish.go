package loader

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"github.com/gocompose/gocompose/project"
)

// Application is what is published of a project: its files as they are written, without
// values of variables, so that they can be loaded elsewhere.
type Application struct {
	Name string
	// Files are the Compose files, in the order they are laid over each other; Extended
	// those that services of them extend, and EnvFiles their env files, by the names that
	// the Compose files have for them now.
	Files, Extended, EnvFiles []PublishedFile
	// Images are those of the services, sorted, each once.
	Images []string
	// Binds are the folders of this host that services mount: "web: /srv".
	Binds []string
	// Elsewhere is set when the files are from elsewhere.
	Elsewhere *project.Elsewhere
}

// PublishedFile is a file without its folder.
type PublishedFile struct {
	Name    string
	Content []byte
}

// Publishable returns what of the files is to be published. Values of variables, env files
// and literal contents are a problem unless o.WithEnv says that they may be seen.
func Publishable(ctx context.Context, o Options) (Application, error) {
	o.Profiles, o.AllResources, o.Existing = []string{"*"}, true, true
	src, err := locate(ctx, o)
	if err != nil {
		return Application{}, err
	}
	var out Application
	err = src.withWarnings(func() error {
		loaded, err := src.load(ctx, ModelOptions{NoEnvResolution: true})
		if err != nil {
			return err
		}
		tree, err := src.tree(ctx, ModelOptions{NoInterpolate: true, NoNormalize: true, NoConsistency: true, NoPathResolution: true})
		if err != nil {
			return err
		}
		problems := append(loaded.broken, src.problems(unpublishable(loaded.model))...)
		if !o.WithEnv {
			problems = append(problems, src.problems(seen(tree))...)
		}
		if len(problems) > 0 {
			return problems.sorted()
		}
		out, err = src.application(loaded.model, o.WithEnv)
		out.Elsewhere, _ = src.reads(loaded.model)
		return err
	})
	return out, err
}

// unpublishable are services whose image nobody else can get.
func unpublishable(model *types.Project) (found []finding) {
	for name, s := range model.Services {
		if s.Build != nil && s.Image == "" {
			found = append(found, finding{path: []string{"services", name, "build"},
				text: "what is built here is not published: name its image too, with `image`"})
		}
	}
	return found
}

// aVariable is a value that says nothing of what it stands for.
var aVariable = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$[A-Za-z_][A-Za-z0-9_]*)?$`)
})

const mayLeak = "it would be published, and may be secret: allow it with --with-env, or remove it"

// seen are the values that everybody would see. The tree is not interpolated.
func seen(tree map[string]any) (found []finding) {
	add := func(path ...string) { found = append(found, finding{path: path, text: mayLeak}) }
	services, _ := tree["services"].(map[string]any)
	for name, s := range services {
		service, _ := s.(map[string]any)
		if service["env_file"] != nil {
			add("services", name, "env_file")
		}
		for key, value := range variables(service["environment"]) {
			if value != nil && !aVariable().MatchString(fmt.Sprint(value)) {
				add("services", name, "environment", key)
			}
		}
	}
	for _, section := range []string{"configs", "secrets"} {
		all, _ := tree[section].(map[string]any)
		for name, f := range all {
			file, _ := f.(map[string]any)
			if text, ok := file["content"].(string); ok && !aVariable().MatchString(text) {
				add(section, name, "content")
			}
		}
	}
	return found
}

// variables are those of an environment, which is a list or a mapping.
func variables(environment any) map[string]any {
	list, ok := environment.([]any)
	if !ok {
		of, _ := environment.(map[string]any)
		return of
	}
	of := map[string]any{}
	for _, item := range list {
		if key, value, ok := strings.Cut(fmt.Sprint(item), "="); ok {
			of[key] = value
		}
	}
	return of
}

func (s *source) application(model *types.Project, withEnv bool) (Application, error) {
	p := &publisher{source: s, app: Application{Name: s.name}, withEnv: withEnv, done: map[string]string{}}
	for i, f := range s.files {
		name := filepath.Base(f.Filename)
		if f.Filename == "-" {
			name = fmt.Sprintf("compose-%d.yaml", i+1)
		}
		content, err := p.content(composeFile{f.Filename, s.dir, f.Content})
		if err != nil {
			return Application{}, err
		}
		p.app.Files = append(p.app.Files, PublishedFile{name, content})
	}
	for name, service := range model.Services {
		if service.Image != "" && !slices.Contains(p.app.Images, service.Image) {
			p.app.Images = append(p.app.Images, service.Image)
		}
		for _, v := range service.Volumes {
			if v.Type == types.VolumeTypeBind {
				p.app.Binds = append(p.app.Binds, name+": "+v.Source)
			}
		}
	}
	slices.Sort(p.app.Images)
	slices.Sort(p.app.Binds)
	return p.app, nil
}

// publisher collects the files that others name.
type publisher struct {
	*source
	app     Application
	withEnv bool
	done    map[string]string // new names, by path
}

// composeFile is one with what paths in it are relative to.
type composeFile struct {
	path, dir string
	text      []byte
}

// content returns a Compose file with the files that it names by their new names: what
// is published is in one folder.
func (p *publisher) content(f composeFile) ([]byte, error) {
	var docs []*yaml.Node
	changed := false
	for decoder := yaml.NewDecoder(bytes.NewReader(f.text)); ; {
		doc := &yaml.Node{}
		err := decoder.Decode(doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.display(f.path), err)
		}
		renamed, err := p.document(f, doc)
		if err != nil {
			return nil, err
		}
		docs, changed = append(docs, doc), changed || renamed
	}
	if !changed {
		return f.text, nil
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	for _, doc := range docs {
		if err := encoder.Encode(doc); err != nil {
			return nil, fmt.Errorf("%s: %w", p.display(f.path), err)
		}
	}
	return out.Bytes(), nil
}

// document gives the files that a document of a Compose file names their new names.
func (p *publisher) document(f composeFile, doc *yaml.Node) (changed bool, err error) {
	if list := valueOf(doc, []string{"include"}); list != nil {
		return false, Problems{{File: p.display(f.path), Line: list.Line, Column: list.Column, Path: "include",
			Text: "files that it includes are not published: make one of all with `gocompose config --no-interpolate`, and publish that"}}
	}
	if err := p.check(f, doc); err != nil {
		return false, err
	}
	rename := func(node *yaml.Node, into func(path string, text []byte) (string, error)) error {
		if node == nil || node.Kind != yaml.ScalarNode || node.Value == "" {
			return nil
		}
		name, err := p.named(f, node, into)
		if err != nil {
			return err
		}
		changed = changed || name != node.Value
		node.Value = name
		return nil
	}
	services := valueOf(doc, []string{"services"})
	for i := 1; services != nil && i < len(services.Content); i += 2 {
		service := services.Content[i]
		if file := valueOf(service, []string{"extends", "file"}); file == nil || !p.elsewhere(file.Value) {
			if err := rename(file, p.extended); err != nil {
				return false, err
			}
		}
		for _, node := range envFileNodes(valueOf(service, []string{"env_file"})) {
			if err := rename(node, p.envFile); err != nil {
				return false, err
			}
		}
	}
	return changed, nil
}

// check refuses what everybody would see of a file, also what the project has not: a value
// that another file overrides, or of a service that nobody extends.
func (p *publisher) check(f composeFile, doc *yaml.Node) error {
	var tree map[string]any
	if p.withEnv {
		return nil
	}
	if err := doc.Decode(&tree); err != nil {
		return fmt.Errorf("%s: %w", p.display(f.path), err)
	}
	var problems Problems
	for _, found := range seen(tree) {
		problem := Problem{File: p.display(f.path), Path: strings.Join(found.path, "."), Text: found.text}
		node := valueOf(doc, found.path)
		if node == nil { // an item of a list
			node = valueOf(doc, found.path[:len(found.path)-1])
		}
		if node != nil {
			problem.Line, problem.Column = node.Line, node.Column
		}
		problems = append(problems, problem)
	}
	if len(problems) > 0 {
		return problems.sorted()
	}
	return nil
}

// envFileNodes are the paths in env_file: one, or several, each alone or with options.
func envFileNodes(node *yaml.Node) []*yaml.Node {
	if node == nil || node.Kind == yaml.ScalarNode {
		return []*yaml.Node{node}
	}
	var out []*yaml.Node
	for _, item := range node.Content {
		if path := valueOf(item, []string{"path"}); path != nil {
			item = path
		}
		out = append(out, item)
	}
	return out
}

// named reads the file that a node names, once, and returns its new name.
func (p *publisher) named(f composeFile, node *yaml.Node, into func(path string, text []byte) (string, error)) (string, error) {
	problem := func(text string) error {
		return Problems{{File: p.display(f.path), Line: node.Line, Column: node.Column, Text: text}}
	}
	if strings.Contains(node.Value, "$") {
		return "", problem("which file this is depends on a variable: name it without one to publish it")
	}
	path := p.expandHome(node.Value)
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.dir, path)
	}
	if name, ok := p.done[path]; ok {
		return name, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", problem(err.Error())
	}
	p.done[path] = fileName(text, filepath.Ext(path)) // a file may extend itself
	name, err := into(path, text)
	p.done[path] = name
	return name, err
}

func fileName(text []byte, ext string) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]) + ext
}

func (p *publisher) extended(path string, text []byte) (string, error) {
	content, err := p.content(composeFile{path, filepath.Dir(path), text})
	name := fileName(text, ".yaml")
	p.app.Extended = append(p.app.Extended, PublishedFile{name, content})
	return name, err
}

func (p *publisher) envFile(_ string, text []byte) (string, error) {
	name := fileName(text, ".env")
	p.app.EnvFiles = append(p.app.EnvFiles, PublishedFile{name, text})
	return name, nil
}
