package loader

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// written returns the model in a form that compose-go writes as it reads it: jobs
// without names, which no file has, no host twice, and the keys of builds in order
// and in words.
func (m *Model) written() *types.Project {
	out := *m.model
	out.Jobs = maps.Clone(out.Jobs)
	for name, job := range out.Jobs {
		job.Name, job.ExtraHosts = "", eachOnce(job.ExtraHosts)
		out.Jobs[name] = job
	}
	out.Services = maps.Clone(out.Services)
	for name, s := range out.Services {
		s.ExtraHosts = eachOnce(s.ExtraHosts)
		if s.Build != nil {
			build := *s.Build
			build.SSH, build.ExtraHosts = sshKeys(build.SSH), eachOnce(build.ExtraHosts)
			if m.src != nil && build.Context == filepath.Join(m.src.dir, stdinContext) { // which compose-go takes for a folder
				build.Context = stdinContext
			}
			s.Build = &build
		}
		out.Services[name] = s
	}
	return &out
}

// eachOnce drops addresses that a host has already.
func eachOnce(hosts types.HostsList) types.HostsList {
	hosts = maps.Clone(hosts)
	for host, list := range hosts {
		var once []string
		for _, addr := range list {
			if !slices.Contains(once, addr) {
				once = append(once, addr)
			}
		}
		hosts[host] = once
	}
	return hosts
}

// sshKeys puts keys in order, with their paths in the words of a list: compose-go
// writes a path as no file has it.
func sshKeys(keys types.SSHConfig) types.SSHConfig {
	keys = slices.Clone(keys)
	for i, key := range keys {
		if key.Path != "" {
			keys[i] = types.SSHKey{ID: key.ID + "=" + key.Path}
		}
	}
	slices.SortFunc(keys, func(a, b types.SSHKey) int { return cmp.Compare(a.ID, b.ID) })
	return keys
}

func hasExtension(s types.ServiceConfig) bool { return s.Extensions[extension] != nil }

// withEmptyConfigs adds to a file what compose-go leaves out of it: the content of
// configs that are empty.
func (m *Model) withEmptyConfigs(file []byte) ([]byte, error) {
	var tree map[string]any
	for name, c := range m.model.Configs {
		if c.External || c.File != "" || c.Environment != "" || c.Content != "" {
			continue
		}
		if tree == nil {
			if err := yaml.Unmarshal(file, &tree); err != nil {
				return nil, fmt.Errorf("reading what was written: %w", err)
			}
		}
		configs, _ := tree["configs"].(map[string]any)
		if config, ok := configs[name].(map[string]any); ok {
			config["content"] = ""
		}
	}
	if tree == nil {
		return file, nil
	}
	return treeYAML(tree)
}

func treeYAML(tree map[string]any) ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(tree); err != nil {
		return nil, fmt.Errorf("writing the model: %w", err)
	}
	return b.Bytes(), nil
}
