package loader

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
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
		found = append(found, undefinedFiles(model, service)...)
		found = append(found, inconsistentBuild(model, service)...)
		if service.NetworkMode != "" && len(service.Networks) > 0 {
			found = append(found, finding{path: slices.Concat(at, []string{"network_mode"}), text: notBoth})
		}
		for _, dep := range slices.Sorted(maps.Keys(service.DependsOn)) {
			if text := undefinedDependency(model, dep, service.DependsOn[dep]); text != "" {
				found = append(found, whereNeeded(service, dep, text))
			}
		}
	}
	return append(found, secretsFromNowhere(model)...)
}

// inconsistentBuild returns what of a build is not defined or excludes the other.
func inconsistentBuild(model *types.Project, s types.ServiceConfig) []finding {
	if s.Build == nil {
		return nil
	}
	c := &converter{src: &source{}, model: model, whole: model}
	at := place{c, []string{"services", s.Name, "build"}}
	if s.Build.DockerfileInline != "" && s.Build.Dockerfile != "" {
		at.in("dockerfile_inline").problem("cannot be together with dockerfile; remove one of them")
	}
	at.buildContexts(s.Name, s.Build.AdditionalContexts)
	at.buildPlatforms(s.Platform, s.Build.Platforms)
	for i, ref := range s.Build.Secrets {
		if _, ok := model.Secrets[ref.Source]; !ok {
			secret := at.in("secrets", index(i))
			secret.add(undefinedFile(secret.path, project.KindSecret, ref.Source))
		}
	}
	return c.found
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

// whereNeeded puts the text at the attribute by which a service depends on
// another: shared namespaces and links do too.
func whereNeeded(service types.ServiceConfig, dep, text string) finding {
	at := []string{"services", service.Name}
	for _, shared := range []struct{ key, mode string }{
		{"network_mode", service.NetworkMode}, {"ipc", service.Ipc}, {"pid", service.Pid},
	} {
		if shared.mode == project.ModeService+dep {
			return finding{path: append(at, shared.key), text: text}
		}
	}
	for i, link := range service.Links {
		switch {
		case link == dep && strings.Contains(dep, ":"): // so compose-go takes two colons
			return finding{append(at, "links", index(i)), link, fmt.Sprintf(badLink, link)}
		case link == dep || strings.HasPrefix(link, dep+":"):
			return finding{append(at, "links", index(i)), link, text}
		}
	}
	for i, from := range service.VolumesFrom {
		if name, _, _ := strings.Cut(from, ":"); name == dep {
			return finding{append(at, "volumes_from", index(i)), from, text}
		}
	}
	return finding{path: append(at, "depends_on", dep), text: text}
}

const notBoth = "cannot be together with networks; remove one of them"

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
	case dep == "":
		return "names no service; want service:NAME"
	case !ok:
		return fmt.Sprintf("undefined service %s; define it under services", dep)
	case !d.Required:
		return ""
	}
	return fmt.Sprintf("service %s is not enabled; enable it with --profile %s, or set required: false in depends_on",
		dep, strings.Join(disabled.Profiles, " or --profile "))
}
