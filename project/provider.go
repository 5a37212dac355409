package project

import (
	"maps"
	"slices"
)

// Provider is a service that a program provides, and no container.
type Provider struct {
	Project string `json:"project"`
	Name    string `json:"name"` // of the service
	// Type names the program, see package provider.
	Type string `json:"type"`
	// Options are the program's, each with one value or more.
	Options map[string][]string `json:"options,omitempty"`
	// Needs are the providers that are brought up before this one, sorted.
	Needs []string `json:"needs,omitempty"`
	// Env is the environment of the program, "KEY=value".
	Env []string `json:"-"`
}

// ID returns "provider/<name>".
func (p Provider) ID() ID { return ID{KindProvider, p.Name} }

// ProviderAction is what a provider is asked to do.
type ProviderAction string

const (
	ProviderUp   ProviderAction = "up"
	ProviderDown ProviderAction = "down"
)

// WithVariables returns the service with variables that were provided: they go
// before its own. A container of pre_start has them where it has the service's.
func (s Service) WithVariables(vars map[string]string) Service {
	if len(vars) == 0 {
		return s
	}
	own := s.Template
	s.Template = own.with(vars, func(string) bool { return true })
	inits := slices.Clone(own.Hooks.BeforeStart)
	for i, init := range inits {
		inits[i].Container = init.Container.with(vars, func(name string) bool {
			value, set := init.Container.Env[name]
			owns, has := own.Env[name]
			return value == owns && set == has
		})
	}
	s.Template.Hooks.BeforeStart = inits
	return s
}

// with lays over the environment those of the variables that are wanted.
func (c Container) with(vars map[string]string, wanted func(name string) bool) Container {
	env, provided := maps.Clone(c.Env), slices.Clone(c.Provided)
	if env == nil {
		env = map[string]string{}
	}
	for name, value := range vars {
		if wanted(name) {
			env[name] = value
			provided = append(provided, name)
		}
	}
	slices.Sort(provided)
	c.Env, c.Provided = env, slices.Compact(provided)
	c.UnsetEnv = slices.DeleteFunc(slices.Clone(c.UnsetEnv), func(name string) bool {
		_, found := slices.BinarySearch(c.Provided, name)
		return found
	})
	if len(c.UnsetEnv) == 0 {
		c.UnsetEnv = nil
	}
	return c
}
