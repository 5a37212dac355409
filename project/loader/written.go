package loader

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
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

// typedJSON is compose-go's JSON, with what it leaves out, gocompose's own
// extension, and with the names that blkio_config has in files.
func (m *Model) typedJSON() ([]byte, error) {
	b, err := m.written().MarshalJSON()
	if err != nil {
		return nil, err
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(b, &whole); err != nil {
		return nil, err
	}
	for _, section := range []string{"services", "jobs"} {
		var entries map[string]json.RawMessage
		if whole[section] == nil {
			continue
		}
		if err := json.Unmarshal(whole[section], &entries); err != nil {
			return nil, err
		}
		for name, entry := range entries {
			if entries[name], err = inFileNames(entry); err != nil {
				return nil, err
			}
		}
		if section == "services" {
			if err := m.addExtensions(entries); err != nil {
				return nil, err
			}
		}
		if whole[section], err = json.Marshal(entries); err != nil {
			return nil, err
		}
	}
	return json.MarshalIndent(whole, "", "  ")
}

// fieldName are keys of blkio_config that compose-go writes by the names they have
// in Go.
var fieldName = regexp.MustCompile(`"(Path|Weight|Rate)":`)

func inFileNames(entry json.RawMessage) (json.RawMessage, error) {
	var parts struct {
		Blkio json.RawMessage `json:"blkio_config"`
	}
	if err := json.Unmarshal(entry, &parts); err != nil || len(parts.Blkio) == 0 {
		return entry, err
	}
	return bytes.Replace(entry, parts.Blkio, fieldName.ReplaceAllFunc(parts.Blkio, bytes.ToLower), 1), nil
}

func (m *Model) addExtensions(services map[string]json.RawMessage) error {
	for name, s := range m.model.Services {
		if !hasExtension(s) {
			continue
		}
		own, err := json.Marshal(s.Extensions[extension])
		if err != nil {
			return err
		}
		rest := bytes.TrimRight(bytes.TrimSuffix(bytes.TrimSpace(services[name]), []byte("}")), " \n")
		services[name] = fmt.Appendf(nil, "%s,%q:%s}", rest, extension, own)
	}
	return nil
}

func hasExtension(s types.ServiceConfig) bool { return s.Extensions[extension] != nil }
