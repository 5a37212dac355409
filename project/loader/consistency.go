package loader

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// inconsistent explains why a model could not be bound. compose-go stops at
// the first service with a reference or a test that is wrong; here are all of them.
// The model is nil when it cannot even be bound unchecked.
func (s *source) inconsistent(ctx context.Context, first error, m ModelOptions, profiles []string,
) (*types.Project, Problems) {
	m.NoConsistency = true
	tree, err := s.tree(ctx, m)
	if err != nil {
		return nil, s.explain(err)
	}
	model, err := s.bind(tree, m, profiles)
	if err != nil {
		return nil, s.explain(err)
	}
	if found := append(undefinedReferences(model), badTests(model)...); len(found) > 0 {
		return model, s.problems(found)
	}
	return model, s.explain(first)
}

// undefinedReferences returns what enabled services refer to that is not
// defined.
func undefinedReferences(model *types.Project) []finding {
	var found []finding
	for _, name := range slices.Sorted(maps.Keys(model.Services)) {
		service := model.Services[name]
		at := []string{"services", name}
		if service.Image == "" && service.Build == nil && service.Provider == nil {
			found = append(found, finding{path: at, text: noImage})
		}
		for _, key := range slices.Sorted(maps.Keys(service.Networks)) {
			if _, ok := model.Networks[key]; !ok {
				found = append(found, undefinedNetwork(slices.Concat(at, []string{"networks", key}), key))
			}
		}
		for i, v := range service.Volumes {
			if _, ok := model.Volumes[v.Source]; !ok && v.Type == types.VolumeTypeVolume && v.Source != "" {
				found = append(found, undefinedVolume(slices.Concat(at, []string{"volumes", index(i)}), v.Source))
			}
		}
		for _, dep := range slices.Sorted(maps.Keys(service.DependsOn)) {
			if text := undefinedDependency(model, dep, service.DependsOn[dep]); text != "" {
				found = append(found, finding{path: slices.Concat(at, []string{"depends_on", dep}), text: text})
			}
		}
	}
	return found
}

// badTests returns the health checks of enabled services that begin with a word
// they cannot begin with, which compose-go tells without their place.
func badTests(model *types.Project) []finding {
	c := &converter{}
	for name, service := range model.Services {
		if h := service.HealthCheck; h != nil {
			place{c, []string{"services", name, "healthcheck", "test"}}.test(h.Test)
		}
	}
	return slices.DeleteFunc(c.found, func(f finding) bool { return f.text != badTest })
}

const noImage = "has neither an image nor a build context specified; name an image with `image`"

func undefinedNetwork(path []string, key string) finding {
	return finding{path: path, text: fmt.Sprintf("undefined network %s; define it under the top-level networks", key)}
}

func undefinedVolume(path []string, key string) finding {
	return finding{path, key, fmt.Sprintf("undefined volume %s; define it under the top-level volumes, "+
		"or write ./%s for a path", key, key)}
}

func undefinedDependency(model *types.Project, dep string, d types.ServiceDependency) string {
	if _, ok := model.Services[dep]; ok {
		return ""
	}
	disabled, ok := model.DisabledServices[dep]
	switch {
	case !ok:
		return fmt.Sprintf("undefined service %s", dep)
	case !d.Required:
		return ""
	}
	return fmt.Sprintf("service %s is not enabled; enable it with --profile %s, or set required: false",
		dep, strings.Join(disabled.Profiles, " or --profile "))
}
