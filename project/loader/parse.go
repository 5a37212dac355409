package loader

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/internal/near"
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
	whole   *types.Project // before it was narrowed to what is selected
	refused []finding      // of the whole model, selected or not
	broken  Problems       // references to what is not there
	// providers are those that services depend on, by service, whatever is selected.
	providers map[string][]string
}

func (s *source) details() types.ConfigDetails {
	return types.ConfigDetails{WorkingDir: s.dir, ConfigFiles: s.files, Environment: s.env.Clone()}
}

// configure sets compose-go's options. Env files are left to resolved, so that
// those of services that are not selected may be missing.
func (s *source) configure(m ModelOptions, profiles []string) func(*loader.Options) {
	return func(o *loader.Options) {
		o.SetProjectName(s.name, true)
		o.Interpolate.Substitute = s.used.substitute
		o.Interpolate.TypeCastMapping = s.casts(withOwnCasts(o.Interpolate.TypeCastMapping))
		o.Profiles = profiles
		o.SkipInterpolation = m.NoInterpolate
		o.SkipNormalization = m.NoNormalize
		o.SkipConsistencyCheck = m.NoConsistency
		o.ResolvePaths = !m.NoPathResolution
		o.SkipResolveEnvironment = true
		o.SkipResolveLabels = true
		o.ResourceLoaders = []loader.ResourceLoader{fetcher{s}}
	}
}

// tree returns the merged model as compose-go's tree of maps.
func (s *source) tree(ctx context.Context, m ModelOptions) (map[string]any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	compiled := make(chan struct{})
	go func() {
		defer close(compiled)
		compileSchema()
	}()
	var tree map[string]any
	err := surviving(func() (err error) {
		tree, err = loader.LoadModelWithContext(ctx, s.details(), s.configure(m, nil))
		return err
	})
	<-compiled
	if err != nil {
		return nil, s.explain(err)
	}
	createPaths(tree)
	return tree, nil
}

// createPaths has missing sources of binds made where the file does not say, also
// for what runs before a service and for jobs, which compose-go leaves out.
func createPaths(tree map[string]any) {
	var containers []any
	services, _ := tree["services"].(map[string]any)
	for _, s := range services {
		service, _ := s.(map[string]any)
		before, _ := service["pre_start"].([]any)
		containers = append(containers, before...)
	}
	jobs, _ := tree["jobs"].(map[string]any)
	containers = slices.AppendSeq(containers, maps.Values(jobs))
	for _, c := range containers {
		container, _ := c.(map[string]any)
		mounts, _ := container["volumes"].([]any)
		for _, m := range mounts {
			mount, _ := m.(map[string]any)
			bind, _ := mount["bind"].(map[string]any)
			if _, said := bind["create_host_path"]; bind != nil && !said {
				bind["create_host_path"] = true
			}
		}
	}
}

// surviving turns a panic of compose-go into an error: it takes some values for
// texts before it has looked.
func surviving(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a value is of another kind than it has to be: %v", r)
		}
	}()
	return f()
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
	var broken Problems
	if err != nil {
		if model, broken = s.inconsistent(ctx, err, m, profiles); model == nil {
			return loaded{}, broken
		}
	}
	s.mountCopies(model)
	if err := s.withOneOff(model); err != nil {
		return loaded{}, err
	}
	providers, whole := providersOf(model), model
	if model, err = s.selected(model); err != nil {
		if len(broken) == 0 { // else it is what selection stumbles over
			broken = s.explain(err)
		}
		return loaded{}, broken
	}
	return loaded{model, whole, refused, broken, providers}, nil
}

// bind turns the tree, which it uses up, into compose-go's types.
func (s *source) bind(tree map[string]any, m ModelOptions, profiles []string) (*types.Project, error) {
	details := s.details()
	options := loader.ToOptions(&details, []func(*loader.Options){s.configure(m, profiles)})
	var model *types.Project
	err := surviving(func() (err error) {
		model, err = loader.ModelToProject(tree, options, details)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, services := range []types.Services{model.Services, model.DisabledServices} {
		for name, service := range services {
			if service.DNSSearch != nil && len(service.DNSSearch) == 0 {
				service.DNSSearch = noSearch() // compose-go writes an empty list as none given
				services[name] = service
			}
		}
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
	asked := slices.Clone(s.options.Services)
	for _, name := range slices.Sorted(maps.Keys(s.options.Scale)) {
		if !slices.Contains(asked, name) {
			asked = append(asked, name)
		}
	}
	for _, name := range asked {
		service, ok := services[name].(map[string]any)
		if !ok {
			unknown = append(unknown, Problem{Text: fmt.Sprintf("no such service: %s%s", name, among(name, services))})
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
func among(name string, services map[string]any) string {
	names := slices.Sorted(maps.Keys(services))
	if question := near.Question(name, names); question != "" {
		return question
	}
	if len(names) == 0 || len(names) > 12 {
		return ""
	}
	return fmt.Sprintf(" (there are: %s)", joined(names))
}

// selected narrows the model to the services asked for and what they use.
func (s *source) selected(model *types.Project) (*types.Project, error) {
	policy := types.IncludeDependencies
	if s.options.NoDeps {
		policy = types.IgnoreDependencies
	}
	if len(s.options.Services) > 0 {
		var err error
		if model, err = model.WithSelectedServices(s.options.Services, policy); err != nil {
			return nil, err
		}
	}
	model = model.WithoutUnresolvedOptionalDependencies()
	for name, n := range s.options.Scale {
		service, ok := model.Services[name]
		if !ok {
			continue // known, and not selected
		}
		service.SetScale(n)
		model.Services[name] = service
	}
	if !s.options.AllResources {
		model = withResourcesOfHooks(model.WithoutUnnecessaryResources(), model)
	}
	return model, nil
}

// resolved reads the env and label files of the model's services.
func (s *source) resolved(model *types.Project) (*types.Project, error) {
	var missing []finding
	for name, service := range model.Services {
		at := []string{"services", name}
		missing = append(missing, s.locateFiles(&service.ContainerSpec, at)...)
		for i := range service.PreStart {
			hook, before := slices.Concat(at, []string{"pre_start", index(i)}), len(missing)
			missing = append(missing, s.locateFiles(&service.PreStart[i].ContainerSpec, hook)...)
			missing = withoutInherited(missing, before, at, hook)
		}
	}
	if len(missing) > 0 {
		return nil, s.problems(missing)
	}
	model, err := model.WithServicesEnvironmentResolved(true)
	if err == nil {
		model, err = model.WithServicesLabelsResolved(false)
	}
	if err != nil {
		return nil, s.explain(err)
	}
	return model, nil
}

// locateFiles makes the paths of env and label files absolute, and returns those
// that are missing.
func (s *source) locateFiles(c *types.ContainerSpec, at []string) (missing []finding) {
	for i, f := range c.EnvFiles {
		path := s.inProject(f.Path)
		c.EnvFiles[i].Path = path
		if bool(f.Required) && !exists(path) {
			missing = append(missing, s.missingFile(path, slices.Concat(at, []string{"env_file", index(i)})...))
		}
	}
	for i, f := range c.LabelFiles {
		c.LabelFiles[i] = s.inProject(f)
		if !exists(c.LabelFiles[i]) {
			missing = append(missing, s.missingFile(c.LabelFiles[i], slices.Concat(at, []string{"label_file", index(i)})...))
		}
	}
	return missing
}

// withResourcesOfHooks returns the model with what of the whole one only the
// containers of pre_start use.
func withResourcesOfHooks(model, whole *types.Project) *types.Project {
	for _, s := range model.Services {
		for _, h := range s.PreStart {
			for key := range h.Networks {
				add(model.Networks, whole.Networks, key)
			}
			for _, v := range h.Volumes {
				add(model.Volumes, whole.Volumes, v.Source)
			}
			for _, f := range h.Secrets {
				add(model.Secrets, whole.Secrets, f.Source)
			}
			for _, f := range h.Configs {
				add(model.Configs, whole.Configs, f.Source)
			}
		}
	}
	return model
}

func add[M ~map[string]V, V any](to, from M, key string) {
	if v, ok := from[key]; ok {
		to[key] = v
	}
}

func (s *source) missingFile(path string, at ...string) finding {
	return finding{at, filepath.Base(path), fmt.Sprintf("there is no file %s", s.display(path))}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// inProject makes a path of the files absolute.
func (s *source) inProject(path string) string {
	path = s.expandHome(path)
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.dir, path)
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
