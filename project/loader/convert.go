package loader

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// converter turns compose-go's model into a project. It goes on after a
// problem, to find them all.
type converter struct {
	src    *source
	model  *types.Project
	origin project.Origin
	found  []finding
	warned []finding

	whole *types.Project     // with what the model has not, because it is not selected
	files map[string]defined // secrets and configs, by fileKey
	built map[string][]byte  // what is in secrets of builds, by name

	providers map[string][]string // that services depend on, by service

	verified, flagged project.Verify // what the files ask of all images, and a flag
	flags             Problems       // what is wrong that is in no place of the model

	networks map[string]network // by the key in the files
	bridged  bool               // a service is on project.DefaultBridge
	// fixed are the addresses that services fix, with the service, by network.
	fixed map[string]map[netip.Addr]string
}

func newConverter(src *source, model *types.Project) *converter {
	origin := project.Origin{
		Services:   slices.Sorted(maps.Keys(model.AllServices())),
		WorkingDir: src.dir,
		EnvFiles:   slices.Clone(src.envFiles),
	}
	for _, f := range src.files {
		origin.ConfigFiles = append(origin.ConfigFiles, src.pinned(f.Filename))
	}
	if c, ok := src.copyOf(src.dir); ok {
		origin.Source = c.Source
	}
	return &converter{
		src: src, model: model, whole: model, origin: origin,
		networks: map[string]network{}, fixed: map[string]map[netip.Addr]string{},
	}
}

func (c *converter) project() *project.Project {
	p := &project.Project{
		Name:     c.src.name,
		Services: []project.Service{},
		Known:    slices.Clone(c.origin.Services),
		Volumes:  []project.Volume{},
		Builds:   c.src.builtImages(c.model),
	}
	c.convertNetworks()
	c.verifyAll()
	for _, name := range slices.Sorted(maps.Keys(c.model.Services)) {
		if s := c.model.Services[name]; s.Provider != nil {
			p.Providers = append(p.Providers, c.provider(s))
		} else {
			p.Services = append(p.Services, c.service(s))
		}
	}
	c.basesOf(p)
	c.owners(p)
	c.clashes(p)
	p.Networks = c.projectNetworks()
	for key, v := range c.model.Volumes {
		p.Volumes = append(p.Volumes, c.volume(key, v))
	}
	slices.SortFunc(p.Volumes, func(a, b project.Volume) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key))
	})
	c.checkContainerNames()
	c.checkNeeds(p.Services)
	keepAddresses(p.Services)
	c.oneOff(p)
	return p
}

func (c *converter) service(s types.ServiceConfig) project.Service {
	at := place{c, []string{"services", s.Name}}
	out := project.Service{
		Name:      s.Name,
		Replicas:  at.replicas(s),
		NoAttach:  s.Attach != nil && !*s.Attach,
		Pull:      at.pullPolicy(s),
		Build:     at.build(s),
		Providers: c.providers[s.Name],
		Template:  at.container(s),
		Separator: c.src.separator,
	}
	at.refusesProviders(s)
	at.deploy(s, &out)
	out.Watch = at.watch(s)
	out.Verify = c.verify(at, s.Extensions[extension])
	return out
}

// place is one attribute: where problems are reported.
type place struct {
	c    *converter
	path []string
}

func (p place) in(keys ...string) place {
	return place{p.c, append(slices.Clone(p.path), keys...)}
}

func (p place) problem(format string, args ...any) { p.near("", format, args...) }

// near reports a problem with the item of a list that contains text.
func (p place) near(text, format string, args ...any) {
	p.c.found = append(p.c.found, finding{p.path, text, fmt.Sprintf(format, args...)})
}

// warn reports what is no problem and deserves attention.
func (p place) warn(format string, args ...any) {
	p.c.warned = append(p.c.warned, finding{path: p.path, text: fmt.Sprintf(format, args...)})
}

func (p place) container(s types.ServiceConfig) project.Container {
	env, unset := environment(s.Environment)
	if _, ok := s.Environment[""]; ok {
		p.in("environment").problem("a variable has no name")
	}
	t := project.Container{
		Project:     p.c.src.name,
		Service:     s.Name,
		Name:        s.ContainerName,
		Image:       p.image(s),
		Platform:    p.platform(s),
		Entrypoint:  s.Entrypoint,
		Command:     s.Command,
		Env:         env,
		UnsetEnv:    unset,
		User:        s.User,
		WorkingDir:  p.workingDir(s.WorkingDir),
		Hostname:    p.in("hostname").hostname(s.Hostname),
		Domainname:  p.in("domainname").hostname(s.DomainName),
		Labels:      labels(s.Labels),
		Init:        s.Init != nil && *s.Init,
		TTY:         s.Tty,
		StdinOpen:   s.StdinOpen,
		Expose:      p.in("expose").expose(s.Expose),
		Mounts:      p.mounts(s),
		VolumesFrom: p.volumesFrom(s),
		ReadOnly:    s.ReadOnly,
		StopSignal:  p.in("stop_signal").signal(s.StopSignal),
		StopGrace:   project.DefaultStopGrace,
		CapAdd:      p.in("cap_add").capabilities(s.CapAdd),
		CapDrop:     p.in("cap_drop").capabilities(s.CapDrop),
		Privileged:  s.Privileged,
		Security:    p.security(s),
		Namespaces:  p.namespaces(s),
		Runtime:     p.in("runtime").runtime(s.Runtime),
		Ulimits:     p.in("ulimits").ulimits(s.Ulimits),
		Sysctls:     labels(types.Labels(s.Sysctls)),
		ShmSize:     p.in("shm_size").size(s.ShmSize, project.DefaultShmSize),
		Logging:     p.in("logging").logging(s.Logging),
		Health:      p.in("healthcheck").healthcheck(s.HealthCheck),
		Restart:     p.restarts(s),
		Needs:       needs(s.DependsOn),
		Origin:      p.c.origin,
	}
	t.CgroupParent = p.in("cgroup_parent").cgroupParent(s.CgroupParent)
	t.Files = p.files(s, t.Mounts)
	p.connect(s, &t)
	t.NanoCPUs, t.Memory = p.limits(s)
	t.Resources, t.Devices = p.resources(s, t.Memory), p.devices(s)
	t.Annotations = p.in("annotations").annotations(s.Annotations)
	if s.StopGracePeriod != nil {
		if t.StopGrace = time.Duration(*s.StopGracePeriod); t.StopGrace < 0 {
			p.in("stop_grace_period").problem("must not be negative")
		}
	}
	t.Hooks = p.hooks(s, t) // last: pre_start takes over all of it, and its problems
	return t
}

func (p place) add(f finding) { p.c.found = append(p.c.found, f) }

func (p place) workingDir(dir string) string {
	if dir != "" && !path.IsAbs(dir) {
		p.in("working_dir").problem("%q is not an absolute path", dir)
	}
	return dir
}

func environment(vars types.MappingWithEquals) (set map[string]string, unset []string) {
	for name, value := range vars {
		if value == nil {
			unset = append(unset, name)
			continue
		}
		if set == nil {
			set = map[string]string{}
		}
		set[name] = *value
	}
	slices.Sort(unset)
	return set, unset
}

// labels copies a map; an empty one is nil.
func labels(l types.Labels) map[string]string {
	if len(l) == 0 {
		return nil
	}
	return maps.Clone(l)
}
