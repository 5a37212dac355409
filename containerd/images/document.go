package images

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// document is an image's configuration with all that it has, also what is not
// known here.
type document struct {
	all    map[string]json.RawMessage
	config map[string]json.RawMessage
	runs   runs
}

// runs is the part of a configuration that says how containers are run, as far as
// it can be changed.
type runs struct {
	User         string              `json:"User,omitempty"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"`
	Env          []string            `json:"Env,omitempty"`
	Entrypoint   []string            `json:"Entrypoint,omitempty"`
	Cmd          []string            `json:"Cmd,omitempty"`
	Volumes      map[string]struct{} `json:"Volumes,omitempty"`
	WorkingDir   string              `json:"WorkingDir,omitempty"`
	Labels       map[string]string   `json:"Labels,omitempty"`
	StopSignal   string              `json:"StopSignal,omitempty"`
	OnBuild      []string            `json:"OnBuild,omitempty"`
	Shell        []string            `json:"Shell,omitempty"`
}

// changed are the names of the fields of runs that extend may change.
func changed() []string {
	return []string{"User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal", "OnBuild", "Shell"}
}

func readDocument(data []byte) (d document, err error) {
	if err = json.Unmarshal(data, &d.all); err == nil && d.all == nil {
		err = fmt.Errorf("it is %s", data)
	}
	if part, ok := d.all["config"]; ok && err == nil {
		if err = json.Unmarshal(part, &d.config); err == nil {
			err = json.Unmarshal(part, &d.runs)
		}
	}
	if err != nil {
		return d, fmt.Errorf("reading the image's configuration: %w", err)
	}
	if d.config == nil {
		d.config = map[string]json.RawMessage{}
	}
	return d, nil
}

// extend makes the configuration that of an image with one layer more.
func (d *document) extend(c Commit, layer digest.Digest, change func(*runs) error) error {
	d.runs.overlay(c)
	if err := change(&d.runs); err != nil {
		return err
	}
	var fs ocispec.RootFS
	var history []ocispec.History
	for key, into := range map[string]any{"rootfs": &fs, "history": &history} {
		if part, ok := d.all[key]; ok {
			if err := json.Unmarshal(part, into); err != nil {
				return fmt.Errorf("reading the image's %s: %w", key, err)
			}
		}
	}
	fs.Type = "layers"
	fs.DiffIDs = append(fs.DiffIDs, layer)
	history = append(history, ocispec.History{
		Created: &c.Created, CreatedBy: strings.Join(slices.Concat(d.runs.Entrypoint, d.runs.Cmd), " "), Author: c.Author, Comment: c.Message,
	})
	now, err := encoded(d.runs)
	if err != nil {
		return err
	}
	for _, key := range changed() {
		delete(d.config, key)
	}
	maps.Copy(d.config, now)
	parts := map[string]any{"rootfs": fs, "history": history, "created": c.Created, "config": d.config}
	if c.Author != "" {
		parts["author"] = c.Author
	}
	now, err = encoded(parts)
	maps.Copy(d.all, now)
	return err
}

// encoded returns the fields of a value in JSON.
func encoded(v any) (map[string]json.RawMessage, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	out := map[string]json.RawMessage{}
	return out, json.Unmarshal(data, &out)
}

// overlay lays what was asked for of a container over its image's configuration.
func (r *runs) overlay(c Commit) {
	s := c.Spec
	if s.Entrypoint != nil {
		r.Entrypoint, r.Cmd = s.Entrypoint, nil
	}
	if s.Command != nil {
		r.Cmd = s.Command
	}
	r.Env = slices.DeleteFunc(slices.Clone(r.Env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(s.UnsetEnv, name)
	})
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		r.setEnv(name, s.Env[name])
	}
	if s.User != "" {
		r.User = s.User
	}
	if s.WorkingDir != "" {
		r.WorkingDir = s.WorkingDir
	}
	if s.StopSignal != "" {
		r.StopSignal = s.StopSignal
	}
	for name, value := range s.Labels {
		put(&r.Labels, name, value)
	}
	for _, port := range s.Expose {
		put(&r.ExposedPorts, port, struct{}{})
	}
}

func (r *runs) setEnv(name, value string) {
	for i, kv := range r.Env {
		if strings.HasPrefix(kv, name+"=") {
			r.Env[i] = name + "=" + value
			return
		}
	}
	r.Env = append(r.Env, name+"="+value)
}

// put sets a value in a map that may be nil.
func put[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}
