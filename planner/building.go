package planner

import (
	"maps"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/project"
)

// BuildServices plans to build the images of the services of p, each once, and first
// those that they begin with: of services that are named as contexts in any case, of others when
// they are not here. It fails with a *RefusedError.
func BuildServices(p *project.Project, obs Observed, opt Options) (*Plan, error) {
	b := newBuilder(p, obs, opt)
	b.whole = true
	for _, s := range p.Services {
		if s.Build != nil {
			b.build(s, because(Requested))
		}
	}
	if len(b.steps) == 0 {
		b.notice("No services to build")
	}
	if opt.Push {
		b.push(func(s project.Service) []StepID { return b.planned(VerbBuild, s.Template.WantedImage().ID()) })
	}
	return b.prepared()
}

// BuildsByImages tells whether what BuildServices plans goes by which images are here: when
// a Dockerfile begins with an image that p makes. It goes by nothing else.
func BuildsByImages(p *project.Project) bool {
	b := newBuilder(p, Observed{}, Options{})
	return slices.ContainsFunc(builders(b.project), func(s project.Service) bool {
		return slices.ContainsFunc(s.Build.Bases, func(ref string) bool {
			_, own := b.builderOf(project.Image{Ref: ref, Platform: s.Template.WantedImage().Platform})
			return own
		})
	})
}

// prepared returns the plan of pulls and builds, in order.
func (b *builder) prepared() (*Plan, error) {
	if err := b.unbuildable.err(); err != nil {
		return nil, err
	}
	for i := range b.steps {
		s := &b.steps[i]
		slices.Sort(s.Needs)
		s.Needs = slices.Compact(s.Needs)
	}
	steps, err := sorted(b.steps)
	if err != nil {
		return nil, err
	}
	return &Plan{Project: b.project.Name, Steps: steps, Notices: b.notices}, nil
}

// builders are the services that are built, selected or not, in their order.
func builders(p *project.Project) []project.Service {
	var out []project.Service
	for _, s := range slices.Concat(p.Services, p.Bases) {
		if s.Build != nil {
			out = append(out, s)
		}
	}
	return out
}

// builderOf returns the service that builds an image, if it is to be built at all: by
// its name, or else by a tag.
func (b *builder) builderOf(i project.Image) (project.Service, bool) {
	if b.opt.Build == BuildNever {
		return project.Service{}, false
	}
	all := builders(b.project)
	for _, s := range all {
		if s.Template.WantedImage() == i {
			return s, true
		}
	}
	for _, s := range all {
		if s.Template.Platform == i.Platform && slices.Contains(s.Build.Tags, i.Ref) {
			return s, true
		}
	}
	return project.Service{}, false
}

// rebuilt returns why an image that may be here is built all the same.
func (b *builder) rebuilt(i project.Image) []Reason {
	for _, s := range b.project.Services {
		switch {
		case s.Build == nil || s.Template.WantedImage() != i || b.opt.Build == BuildNever:
		case b.opt.Build == BuildAlways:
			return because(Requested)
		case policy(s, b.opt).When == project.PullBuild:
			return []Reason{{Cause: Due, To: "build"}}
		}
	}
	return nil
}

// obtain plans to have an image here that is not: to pull it, or to build it, or first to try
// the one and then to do the other. It returns the last step.
func (b *builder) obtain(i project.Image) StepID {
	s, builds := b.builderOf(i)
	if !builds {
		return b.fetch(i, because(Missing))
	}
	if why := b.rebuilt(s.Template.WantedImage()); why != nil {
		return b.build(s, why)
	}
	_, planned := b.at[stepID(VerbBuild, s.Template.WantedImage().ID())]
	id := b.build(s, because(Missing))
	if op := b.steps[b.at[id]].Op.(BuildImage); planned && len(op.Unless) == 0 {
		return id // in any case
	}
	var first []StepID
	if b.triesPull(i) {
		pull := pullImage(i)
		pull.Optional = true
		first = []StepID{b.add(pull, nil, b.signed(i, because(Missing)))}
	}
	step := &b.steps[b.at[id]]
	op := step.Op.(BuildImage)
	switch {
	case len(first) == 0:
		op.Unless = nil
	case !slices.Contains(op.Unless, i.Ref):
		op.Unless = append(op.Unless, i.Ref)
		step.After = append(step.After, first...)
	}
	step.Op = op
	return id
}

// obtained returns the step that has the image here, when there is one.
func (b *builder) obtained(i project.Image) []StepID {
	if s, ok := b.builderOf(i); ok {
		if built := b.planned(VerbBuild, s.Template.WantedImage().ID()); len(built) > 0 {
			return built
		}
	}
	return b.planned(VerbPull, i.ID())
}

// triesPull tells whether an image that can be built is first looked for in a registry: when
// the files name it, and a service that has it does not say otherwise.
func (b *builder) triesPull(i project.Image) bool {
	tries := false
	for _, s := range slices.Concat(b.project.Services, b.project.Bases) {
		if s.Template.WantedImage() != i {
			continue
		}
		when := policy(s, b.opt).When
		if s.Build != nil && !s.Build.Named || when == project.PullNever || when == project.PullBuild {
			return false
		}
		tries = true
	}
	return tries
}

// build plans to build the image of a service, once, after those that it begins with.
func (b *builder) build(s project.Service, why []Reason) StepID {
	image := s.Template.WantedImage()
	id := stepID(VerbBuild, image.ID())
	if _, planned := b.at[id]; planned {
		return id
	}
	for _, text := range slices.Concat(s.Build.Clashes, s.Build.Lacks) {
		b.unbuildable.add(&UnbuildableError{Text: text})
	}
	op := BuildImage{Ref: image.Ref, Platform: image.Platform, Service: s.Name, Build: b.resolvedBuild(s), Images: map[string]string{}}
	b.add(op, nil, why)
	var needs []StepID
	for _, name := range s.Build.BuildsOn() {
		if base, ok := b.buildService(name); ok {
			needs = append(needs, b.build(base, []Reason{neededBy(s.Name)}))
			op.Images[name] = base.Template.Image
		}
	}
	for _, ref := range s.Build.Bases {
		base := project.Image{Ref: ref, Platform: image.Platform}
		made := b.base(s, base)
		if needs = append(needs, made...); s.Build.Pull && (len(made) > 0 || b.here(base)) {
			b.pinBase(&op, base)
		}
	}
	step := &b.steps[b.at[id]]
	step.Op, step.Needs = op, needs
	return id
}

// pinBase has a build begin with the image that another service of the project makes,
// though registries are asked for those it begins with.
func (b *builder) pinBase(op *BuildImage, base project.Image) {
	s, ok := b.builderOf(base)
	if !ok || s.Template.WantedImage() == op.Image() {
		return
	}
	op.Images[s.Name] = s.Template.Image
	op.Build.Contexts = maps.Clone(op.Build.Contexts)
	if op.Build.Contexts == nil {
		op.Build.Contexts = map[string]string{}
	}
	name := strings.TrimSuffix(ShortImage(base.Ref), ":latest") // as BuildKit looks for it
	op.Build.Contexts[name] = project.ServiceContext + s.Name
}

// base returns the step that makes an image which the Dockerfile of s names, if there has to
// be one. Of images that are made of each other's, which can be once they are there, one is not
// waited for.
func (b *builder) base(s project.Service, image project.Image) []StepID {
	base, ok := b.builderOf(image)
	if !ok || base.Name == s.Name || base.Template.WantedImage() == s.Template.WantedImage() || b.leads(base, s, map[string]bool{}) {
		return nil
	}
	of := base.Template.WantedImage()
	forced := b.rebuilt(of)
	if b.whole && slices.ContainsFunc(b.project.Services, func(o project.Service) bool { return o.Name == base.Name }) {
		forced = because(Requested)
	}
	switch {
	case forced != nil:
		return []StepID{b.build(base, forced)}
	case !b.here(of):
		return []StepID{b.obtain(of)}
	}
	return b.planned(VerbBuild, of.ID())
}

// leads tells whether the build of from begins, directly or not, with the image of to.
func (b *builder) leads(from, to project.Service, seen map[string]bool) bool {
	if from.Name == to.Name || from.Template.WantedImage() == to.Template.WantedImage() {
		return true
	}
	if seen[from.Name] {
		return false
	}
	seen[from.Name] = true
	for _, name := range from.Build.BuildsOn() {
		if next, ok := b.buildService(name); ok && b.leads(next, to, seen) {
			return true
		}
	}
	for _, ref := range from.Build.Bases {
		next, ok := b.builderOf(project.Image{Ref: ref, Platform: from.Template.Platform})
		if ok && b.leads(next, to, seen) {
			return true
		}
	}
	return false
}

func (b *builder) buildService(name string) (project.Service, bool) {
	for _, s := range builders(b.project) {
		if s.Name == name {
			return s, true
		}
	}
	return project.Service{}, false
}

// Labels that are docker compose's, of the images that it builds. That of its version is
// not among them: by it every new version would make other images of the same sources.
const (
	labelProject = "com.docker.compose.project"
	labelService = "com.docker.compose.service"
	labelBuilder = "com.docker.compose.image.builder"
)

// resolvedBuild returns the build of s with labels and platforms as they are when it is
// carried out.
func (b *builder) resolvedBuild(s project.Service) project.Build {
	out := *s.Build
	out.Labels = maps.Clone(out.Labels)
	maps.DeleteFunc(out.Labels, func(key, _ string) bool { return strings.HasPrefix(key, "com.docker.compose.") })
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	out.Labels[labelProject], out.Labels[labelService], out.Labels[labelBuilder] = b.project.Name, out.Owner, "buildkit"
	switch own := s.Template.Platform; {
	case len(out.Platforms) == 0 && own != "":
		out.Platforms = []string{own}
	case !b.whole && len(out.Platforms) > 0:
		if out.Platforms = nil; own != "" {
			out.Platforms = []string{own}
		}
	}
	return out
}

// UnbuildableError says why the image of a service cannot be built.
type UnbuildableError struct{ Text string } // with the place in the files

func (e *UnbuildableError) Error() string { return e.Text }

// Phases returns the plan as those that are carried out one after the other: when it does
// nothing but pull, build and push, what is pulled, what is built, and what is pushed. So
// each can be shown in its own way.
func (p *Plan) Phases() []*Plan {
	verbs := []Verb{VerbPull, VerbBuild, VerbPush}
	phases := make([]*Plan, len(verbs))
	phase := map[StepID]int{}
	for _, s := range p.Steps {
		i := slices.Index(verbs, s.Op.Verb())
		if i < 0 {
			return []*Plan{p}
		}
		if phases[i] == nil {
			phases[i] = &Plan{Project: p.Project}
		}
		phase[s.ID()] = i
		other := func(id StepID) bool { return phase[id] != i }
		s.Needs = slices.DeleteFunc(slices.Clone(s.Needs), other)
		s.After = slices.DeleteFunc(slices.Clone(s.After), other)
		phases[i].Steps = append(phases[i].Steps, s)
	}
	phases = slices.DeleteFunc(phases, func(p *Plan) bool { return p == nil })
	if len(phases) == 0 {
		return []*Plan{p}
	}
	phases[0].Notices = p.Notices
	return phases
}

// Builds counts the images that the plan builds.
func (p *Plan) Builds() int {
	n := 0
	for _, s := range p.Steps {
		if _, ok := s.Op.(BuildImage); ok {
			n++
		}
	}
	return n
}
