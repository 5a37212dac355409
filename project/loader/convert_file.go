package loader

import (
	"cmp"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/secrets/content"
)

// section is where secrets or configs are defined, and the key of a service that
// has them.
func section(kind project.FileKind) string { return string(kind) + "s" }

// fileFolder is below which a relative target is.
func fileFolder(kind project.FileKind) string {
	if kind == project.KindSecret {
		return "/run/secrets"
	}
	return "/"
}

// files returns a service's secrets and configs, sorted by target. Mounts are
// those that it has beside.
func (p place) files(s types.ServiceConfig, mounts []project.Mount) []project.File {
	var out []project.File
	add := func(kind project.FileKind, i int, ref types.FileReferenceConfig) {
		at := p.in(section(kind), index(i))
		f, ok := at.file(kind, ref)
		switch {
		case !ok:
		case slices.ContainsFunc(out, func(o project.File) bool { return o.Target == f.Target }),
			slices.ContainsFunc(mounts, func(m project.Mount) bool { return m.Target == f.Target }):
			at.near(written(kind, ref), "something else is mounted at %s already", f.Target)
		default:
			out = append(out, f)
		}
	}
	for i, ref := range s.Secrets {
		add(project.KindSecret, i, types.FileReferenceConfig(ref))
	}
	for i, ref := range s.Configs {
		add(project.KindConfig, i, types.FileReferenceConfig(ref))
	}
	slices.SortFunc(out, func(a, b project.File) int { return cmp.Compare(a.Target, b.Target) })
	return out
}

// file reads one entry of a service's secrets or configs.
func (p place) file(kind project.FileKind, ref types.FileReferenceConfig) (project.File, bool) {
	from, ok := p.c.definition(kind, ref.Source)
	if !ok {
		p.add(undefinedFile(p.path, kind, ref.Source))
		return project.File{}, false
	}
	f := project.File{
		Kind: kind, Name: ref.Source,
		UID: p.in("uid").owner(ref.UID), GID: p.in("gid").owner(ref.GID), Mode: project.DefaultFileMode,
		Path: from.path, External: from.external,
	}
	if ref.Mode != nil {
		if f.Mode = int(*ref.Mode); f.Mode < 0 || f.Mode > 0o777 {
			p.in("mode").near(written(kind, ref), "the mode is %o in octal digits: want permissions from 0000 to 0777, written with the 0", f.Mode)
		} else {
			p.octal(f.Mode)
		}
	}
	var problem string
	if f.Target, problem = fileTarget(kind, ref.Source, ref.Target); problem != "" {
		p.in("target").near(ref.Target, problem, ref.Target)
	}
	return f, problem == ""
}

// written is what tells an entry of a service's secrets or configs from others in
// the files: its target, unless that is the default.
func written(kind project.FileKind, ref types.FileReferenceConfig) string {
	if ref.Target == "" || ref.Target == path.Join(fileFolder(kind), ref.Source) {
		return ref.Source
	}
	return ref.Target
}

// fileTarget is where a file is in the container. The problem is a format for what
// was asked for.
func fileTarget(kind project.FileKind, name, asked string) (target, problem string) {
	folder := fileFolder(kind)
	switch {
	case asked == "":
		return path.Join(folder, name), ""
	case strings.HasSuffix(asked, "/") || path.Clean(asked) == ".":
		return "", "the target %q is a folder: want the path of a file"
	case path.IsAbs(asked):
		return path.Clean(asked), ""
	case path.Clean(asked) == ".." || strings.HasPrefix(path.Clean(asked), "../"):
		return "", "the target %q leads out of " + folder + ", which a relative one is below; write an absolute path"
	}
	return path.Join(folder, asked), ""
}

// noOwner is the number that stands for no user and no group (chown(2)).
const noOwner = 1<<32 - 1

func (p place) owner(text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == noOwner {
		p.near(text, "%q is not the number of a user or a group; names are not looked up", text)
	}
	return int(n)
}

// defined is what the files say of one secret or config, read at most once.
type defined struct {
	path, external string
	content        *[]byte // nil: not read
}

func fileKey(kind project.FileKind, name string) string { return string(kind) + " " + name }

// definition returns the secret or config of a name; ok is false when there is
// none.
func (c *converter) definition(kind project.FileKind, name string) (d defined, ok bool) {
	key := fileKey(kind, name)
	if d, ok = c.files[key]; ok {
		return d, true
	}
	var o types.FileObjectConfig
	if kind == project.KindSecret {
		var s types.SecretConfig
		s, ok = c.model.Secrets[name]
		o = types.FileObjectConfig(s)
	} else {
		var s types.ConfigObjConfig
		s, ok = c.model.Configs[name]
		o = types.FileObjectConfig(s)
	}
	if !ok {
		return d, false
	}
	at := place{c, []string{section(kind), name}}
	switch {
	case bool(o.External):
		d.external = cmp.Or(o.Name, name)
		at.onlyExternal(o)
	case o.File != "":
		d.path = c.src.inProject(o.File)
	}
	if at.defines(kind, o) && c.src.options.readsContents() {
		d.content = at.read(kind, o, d)
	}
	if c.files == nil {
		c.files = map[string]defined{}
	}
	c.files[key] = d
	return d, true
}

// defines tells whether a content is defined at all; that it is not is told
// elsewhere.
func (p place) defines(kind project.FileKind, o types.FileObjectConfig) bool {
	return kind == project.KindConfig || bool(o.External) || o.File != "" || o.Environment != ""
}

func (p place) onlyExternal(o types.FileObjectConfig) {
	for _, also := range []struct {
		key string
		set bool
	}{{"file", o.File != ""}, {"environment", o.Environment != ""}, {"content", o.Content != "" && o.Environment == ""}} {
		if also.set {
			p.in(also.key).problem("cannot be together with external; remove one of them")
		}
	}
}

// readsContents tells whether what is in secrets and configs is wanted.
func (o Options) readsContents() bool { return !o.Existing || o.Contents || o.Build != nil }

// read takes the content from where it is.
func (p place) read(kind project.FileKind, o types.FileObjectConfig, d defined) *[]byte {
	data, key, err := p.c.src.content(kind, o, d)
	if err == nil {
		return &data
	}
	if !p.c.src.options.Existing {
		p.in(key).problem("%v", err)
	}
	return nil
}

// seal gives the files of a project, in which nothing is wrong, and the secrets of its builds
// the digests of their contents, and the contents to the project.
func (c *converter) seal(p *project.Project) error {
	key := sync.OnceValues(func() ([]byte, error) {
		if c.src.options.Key == nil {
			return nil, nil
		}
		return c.src.options.Key()
	})
	digest := func(data []byte) (string, error) {
		k, err := key()
		if err != nil {
			return "", err
		}
		d := project.ContentDigest(k, data)
		p.Contents.Add(d, data)
		return d, nil
	}
	for _, s := range slices.Concat(p.Services, p.Bases) {
		for _, f := range s.Template.AllFiles() {
			data := c.files[fileKey(f.Kind, f.Name)].content
			if data == nil {
				continue
			}
			var err error
			if f.Digest, err = digest(*data); err != nil {
				return err
			}
		}
		if err := c.sealBuild(s.Build, digest); err != nil {
			return err
		}
	}
	return nil
}

// content returns what is in a secret or config, and the attribute that says so.
func (s *source) content(kind project.FileKind, o types.FileObjectConfig, d defined) (data []byte, key string, err error) {
	switch {
	case d.external != "":
		data, err = s.options.External.External(kind, d.external)
		return data, "external", err
	case d.path != "":
		if data, err = content.Read(d.path); errors.Is(err, content.ErrNotFound) {
			err = errors.New("there is no file " + s.display(d.path) + "; make it, or name another")
		} else if err != nil {
			err = errors.New(s.display(d.path) + " " + err.Error())
		}
		return data, "file", err
	case o.Environment == "":
		return []byte(o.Content), "content", nil
	}
	// An included file may have an environment of its own, which compose-go knows.
	value, ok := s.env[o.Environment]
	if o.Content != "" {
		value, ok = o.Content, true
	}
	if !ok {
		err = errors.New("the variable " + o.Environment + " is not set; set it, or write it into the env file of the project")
	}
	return []byte(value), "environment", err
}

// hideContents takes out of a tree what compose-go has put there of variables
// that secrets and configs are from.
func hideContents(tree map[string]any) {
	for kind, added := range map[project.FileKind]string{project.KindSecret: types.SecretConfigXValue, project.KindConfig: "content"} {
		all, _ := tree[section(kind)].(map[string]any)
		for _, one := range all {
			if o, ok := one.(map[string]any); ok && o["environment"] != nil {
				delete(o, added)
			}
		}
	}
}

// undefinedFile is the problem of what is referred to and not defined.
func undefinedFile(path []string, kind project.FileKind, name string) finding {
	return finding{path, name, "undefined " + string(kind) + " " + name + "; define it under the top-level " + section(kind)}
}

// secretsFromNowhere returns the secrets that have no content, of which compose-go
// tells the first it meets, used or not.
func secretsFromNowhere(model *types.Project) []finding {
	var found []finding
	for name, s := range model.Secrets {
		if !bool(s.External) && s.File == "" && s.Environment == "" {
			found = append(found, finding{path: []string{"secrets", name}, text: "has no content; want file, environment or external"})
		}
	}
	return found
}

// undefinedFiles returns the secrets and configs that a service refers to and that
// are not defined.
func undefinedFiles(model *types.Project, s types.ServiceConfig) []finding {
	var found []finding
	look := func(kind project.FileKind, i int, name string, defined bool) {
		if !defined {
			found = append(found, undefinedFile([]string{"services", s.Name, section(kind), index(i)}, kind, name))
		}
	}
	for i, ref := range s.Secrets {
		_, ok := model.Secrets[ref.Source]
		look(project.KindSecret, i, ref.Source, ok)
	}
	for i, ref := range s.Configs {
		_, ok := model.Configs[ref.Source]
		look(project.KindConfig, i, ref.Source, ok)
	}
	return found
}
