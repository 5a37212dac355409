package loader

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// ModelOptions leave out parts of what is done to the files, for `config`.
type ModelOptions struct {
	NoInterpolate    bool // leave ${VARIABLES} as they stand
	NoNormalize      bool // add no implicit networks, names and dependencies
	NoPathResolution bool // leave paths relative
	NoConsistency    bool // do not check that what is referred to exists
	NoEnvResolution  bool // leave env_file and variables without a value
}

// loaded is what compose-go makes of the files.
type loaded struct {
	model   *types.Project
	refused []finding // of the whole model, selected or not
}

func (s *source) details() types.ConfigDetails {
	return types.ConfigDetails{WorkingDir: s.dir, ConfigFiles: s.files, Environment: s.env.Clone()}
}

// configure sets compose-go's options. Selection and env files are left to
// selected, so that env files of services that are not selected may be missing.
func (s *source) configure(m ModelOptions, profiles []string) func(*loader.Options) {
	return func(o *loader.Options) {
		o.SetProjectName(s.name, true)
		o.Profiles = profiles
		o.SkipInterpolation = m.NoInterpolate
		o.SkipNormalization = m.NoNormalize
		o.SkipConsistencyCheck = m.NoConsistency
		o.ResolvePaths = !m.NoPathResolution
		o.SkipResolveEnvironment = true
		o.SkipResolveLabels = true
	}
}

// tree returns the merged model as compose-go's tree of maps.
func (s *source) tree(ctx context.Context, m ModelOptions) (map[string]any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	tree, err := loader.LoadModelWithContext(ctx, s.details(), s.configure(m, nil))
	if err != nil {
		return nil, s.explain(err)
	}
	return tree, nil
}

// load reads the model, narrows it to what is selected, and finds what is in
// it that gocompose does not honour.
func (s *source) load(ctx context.Context, m ModelOptions) (loaded, error) {
	tree, err := s.tree(ctx, m)
	if err != nil {
		return loaded{}, err
	}
	refused := refusals(tree)
	profiles, err := s.profilesFor(tree)
	if err != nil {
		return loaded{}, err
	}
	model, err := s.bind(tree, m, profiles)
	if err != nil {
		return loaded{}, s.inconsistent(ctx, err, m, profiles)
	}
	model, err = s.selected(model, m)
	if err != nil {
		return loaded{}, s.explain(err)
	}
	return loaded{model: model, refused: refused}, nil
}

// bind turns the tree, which it uses up, into compose-go's types.
func (s *source) bind(tree map[string]any, m ModelOptions, profiles []string) (*types.Project, error) {
	details := s.details()
	options := loader.ToOptions(&details, []func(*loader.Options){s.configure(m, profiles)})
	model, err := loader.ModelToProject(tree, options, details)
	if err != nil {
		return nil, err
	}
	model.Environment["COMPOSE_PROJECT_NAME"] = s.name
	return model, nil
}

// profilesFor returns the profiles to enable: those asked for, and those of
// the services asked for that would be disabled otherwise.
func (s *source) profilesFor(tree map[string]any) ([]string, error) {
	profiles := slices.Clone(s.profiles)
	services, _ := tree["services"].(map[string]any)
	var unknown Problems
	for _, name := range slices.Concat(s.options.Services, slices.Sorted(maps.Keys(s.options.Scale))) {
		service, ok := services[name].(map[string]any)
		if !ok {
			unknown = append(unknown, Problem{Text: fmt.Sprintf("no such service: %s%s", name, among(services))})
			continue
		}
		own := stringList(service["profiles"])
		enabled := len(own) == 0 || slices.Contains(profiles, "*") ||
			slices.ContainsFunc(own, func(p string) bool { return slices.Contains(profiles, p) })
		if !enabled {
			profiles = append(profiles, own...)
		}
	}
	if len(unknown) > 0 {
		return nil, unknown
	}
	return profiles, nil
}

// among names the services there are, when they are few enough to read.
func among(services map[string]any) string {
	names := slices.Sorted(maps.Keys(services))
	if len(names) == 0 || len(names) > 12 {
		return ""
	}
	return fmt.Sprintf(" (there are: %s)", joined(names))
}

// selected narrows the model to the services asked for and what they use, and
// then resolves their env and label files.
func (s *source) selected(model *types.Project, m ModelOptions) (*types.Project, error) {
	policy := types.IncludeDependencies
	if s.options.NoDeps {
		policy = types.IgnoreDependencies
	}
	var err error
	if len(s.options.Services) > 0 {
		if model, err = model.WithSelectedServices(s.options.Services, policy); err != nil {
			return nil, err
		}
	}
	for name, n := range s.options.Scale {
		service, ok := model.Services[name]
		if !ok {
			continue // known, and not selected
		}
		service.SetScale(n)
		model.Services[name] = service
	}
	if !s.options.AllResources {
		model = model.WithoutUnnecessaryResources()
	}
	if !m.NoEnvResolution {
		if model, err = model.WithServicesEnvironmentResolved(true); err != nil {
			return nil, err
		}
	}
	return model.WithServicesLabelsResolved(false)
}

func stringList(v any) []string {
	items, _ := v.([]any)
	var out []string
	for _, item := range items {
		if text, ok := item.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
