package loader

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"github.com/gocompose/gocompose/internal/near"
	"github.com/gocompose/gocompose/project"
)

// Model is the canonical Compose model, for `config`. Other than a project it
// has every attribute, honoured or not.
type Model struct {
	src     *source
	options ModelOptions
	tree    map[string]any // when not interpolated: types need values
	model   *types.Project // otherwise
}

// LoadModel returns the model that the files describe. Its errors are those of
// Load, but for attributes that gocompose does not honour.
func LoadModel(ctx context.Context, o Options, m ModelOptions) (*Model, error) {
	src, err := locate(ctx, o)
	if err != nil {
		return nil, err
	}
	out := &Model{src: src, options: m}
	err = src.withWarnings(func() error {
		if m.NoInterpolate {
			out.tree, err = src.tree(ctx, m)
			hideContents(out.tree)
			if err == nil && !m.NoPathResolution {
				src.resolveVerify(out.tree)
				for _, name := range out.keys("services") {
					src.resolveVerify(out.service(name), "services", name)
				}
			}
			return err
		}
		loaded, err := src.load(ctx, m)
		if err != nil {
			return err
		}
		if len(loaded.broken) > 0 {
			return loaded.broken
		}
		if !m.NoPathResolution {
			src.resolveVerify(loaded.model.Extensions)
			for name, s := range loaded.model.Services {
				src.resolveVerify(s.Extensions, "services", name)
			}
		}
		if out.model = loaded.model; !m.NoEnvResolution {
			out.model, err = src.resolved(out.model)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Name returns the project's name.
func (m *Model) Name() string { return m.src.name }

// Elsewhere is set when the files are from elsewhere. Of what they ask for only the variables are
// known.
func (m *Model) Elsewhere() *project.Elsewhere {
	if m.model == nil {
		return nil // no variable is read
	}
	e, _ := m.src.reads(m.model)
	return e
}

// YAML returns the model as a Compose file that loads to the same model.
func (m *Model) YAML() ([]byte, error) {
	if m.tree != nil {
		return treeYAML(m.tree)
	}
	b, err := m.written().MarshalYAML()
	if err != nil {
		return nil, fmt.Errorf("writing the model: %w", err)
	}
	if b, err = m.withEmptyConfigs(b); err != nil {
		return nil, err
	}
	return escapeDollars(b)
}

// JSON returns the same as YAML, indented. It is made of that: compose-go's own JSON
// leaves out what begins with "x-", and zeros, and has keys that no file has.
func (m *Model) JSON() ([]byte, error) {
	tree := m.tree
	if tree == nil {
		text, err := m.YAML()
		if err != nil {
			return nil, err
		}
		if err := yaml.Unmarshal(text, &tree); err != nil {
			return nil, fmt.Errorf("reading what was written: %w", err)
		}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(tree); err != nil {
		return nil, fmt.Errorf("writing the model: %w", err)
	}
	return b.Bytes(), nil
}

// Services returns the enabled services; each comes after those it depends on.
func (m *Model) Services() []string {
	if m.tree != nil {
		return m.keys("services")
	}
	var out []string
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		service, ok := m.model.Services[name]
		if seen[name] || !ok {
			return
		}
		seen[name] = true
		for _, dep := range slices.Sorted(maps.Keys(service.DependsOn)) {
			visit(dep)
		}
		out = append(out, name)
	}
	for _, name := range slices.Sorted(maps.Keys(m.model.Services)) {
		visit(name)
	}
	return out
}

// Networks returns the names that networks have in the files, sorted.
func (m *Model) Networks() []string {
	if m.tree != nil {
		return m.keys("networks")
	}
	return slices.Sorted(maps.Keys(m.model.Networks))
}

// Volumes returns the names that volumes have in the files, sorted.
func (m *Model) Volumes() []string {
	if m.tree != nil {
		return m.keys("volumes")
	}
	return slices.Sorted(maps.Keys(m.model.Volumes))
}

// Images returns the image of each service, in the order of the services'
// names: what the files say, or "project-service" for one that is built.
func (m *Model) Images() []string {
	var out []string
	for _, name := range m.sortedServices() {
		image := ""
		if m.tree != nil {
			image, _ = m.service(name)["image"].(string)
		} else {
			image = m.model.Services[name].Image
		}
		if image == "" {
			image = m.src.name + cmp.Or(m.src.separator, project.Separator) + name
		}
		out = append(out, image)
	}
	return out
}

// Profiles returns the profiles that services name, enabled or not, sorted.
func (m *Model) Profiles() []string {
	var out []string
	if m.tree != nil {
		for _, name := range m.keys("services") {
			out = append(out, stringList(m.service(name)["profiles"])...)
		}
	} else {
		for _, service := range m.model.AllServices() {
			out = append(out, service.Profiles...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Environment returns the variables that the files were interpolated with,
// sorted, as "KEY=value".
func (m *Model) Environment() []string {
	env := m.src.env.Clone()
	env["COMPOSE_PROJECT_NAME"] = m.src.name
	return env.Values()
}

// Hash returns the hexadecimal SHA-256 of what a service is made from, without
// what changes no container: build, pull_policy, scale, depends_on, profiles.
func (m *Model) Hash(service string) (string, error) {
	if m.model == nil {
		return "", fmt.Errorf("hashing service %s: the model is not interpolated", service)
	}
	s, ok := m.model.Services[service]
	if !ok {
		return "", fmt.Errorf("no such service: %s%s", service, near.Question(service, m.sortedServices()))
	}
	s.Build, s.PullPolicy, s.PullRefreshAfter, s.Scale, s.DependsOn, s.Profiles = nil, "", "", nil, nil, nil
	if s.Deploy != nil {
		deploy := *s.Deploy
		deploy.Replicas = nil
		s.Deploy = &deploy
	}
	b, err := json.Marshal(s)
	if err == nil && hasExtension(s) { // which compose-go's JSON leaves out
		var own []byte
		own, err = json.Marshal(s.Extensions[extension])
		b = append(b, own...)
	}
	if err != nil {
		return "", fmt.Errorf("hashing service %s: %w", service, err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

func (m *Model) sortedServices() []string {
	if m.tree != nil {
		return m.keys("services")
	}
	return slices.Sorted(maps.Keys(m.model.Services))
}

func (m *Model) keys(section string) []string {
	entries, _ := m.tree[section].(map[string]any)
	return slices.Sorted(maps.Keys(entries))
}

func (m *Model) service(name string) map[string]any {
	services, _ := m.tree["services"].(map[string]any)
	service, _ := services[name].(map[string]any)
	return service
}

// Variable is one that the files are interpolated with.
type Variable struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
	// Default is used when the variable is not set, Alternate when it is.
	Default   string `json:"default"`
	Alternate string `json:"alternate"`
}

// Variables returns those that the files mention, sorted by name.
func Variables(ctx context.Context, o Options) ([]Variable, error) {
	m, err := LoadModel(ctx, o, ModelOptions{NoInterpolate: true, NoConsistency: true})
	if err != nil {
		return nil, err
	}
	found := template.ExtractVariables(m.tree, nil)
	var out []Variable
	for _, name := range slices.Sorted(maps.Keys(found)) {
		v := found[name]
		out = append(out, Variable{v.Name, v.Required, v.DefaultValue, v.PresenceValue})
	}
	return out, nil
}
