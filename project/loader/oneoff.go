package loader

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/mattn/go-shellwords"

	"github.com/gocompose/gocompose/project"
)

// OneOff is what the user wants of the container that `run` makes of a service, in
// the words of its flags: it goes before what the files say.
type OneOff struct {
	// Slug tells it from others: 12 hexadecimal digits.
	Slug string
	Name string // of the container; empty: made of the slug

	// Command is in place of the service's; nil: that. Entrypoint too, written as for a
	// shell, and then the service's command does not count.
	Command    []string
	Entrypoint *string
	// Env are "KEY=value", or "KEY" for what it is in the environment; before them go
	// those of EnvFiles, relative to Options.WorkingDir.
	Env, EnvFiles []string
	Labels        []string // "key=value"
	User          string
	WorkingDir    string

	CapAdd, CapDrop []string
	// Volumes are in the short syntax, with paths relative to Options.WorkingDir. One
	// that has a target of the service's is in its place. A name that the files do not
	// define is of a volume of the host, which is of no project.
	Volumes []string
	// Publish are ports in the short syntax. The service's own are published with
	// ServicePorts only.
	Publish      []string
	ServicePorts bool
	// UseAliases: it answers to the names that the service's containers have in their
	// networks.
	UseAliases bool
	// TTY and Stdin say whether it has a terminal, and an open standard input; nil: as
	// the service has it.
	TTY, Stdin *bool
	// Temporary: it is removed when it has ended.
	Temporary bool
}

// flagErrors collects what is wrong with flags.
type flagErrors struct{ Problems }

func (e *flagErrors) add(flag, value string, err error) {
	e.Problems = append(e.Problems, Problem{Path: "--" + flag, Text: fmt.Sprintf("%q: %v", value, err)})
}

func (e *flagErrors) err() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e.Problems
}

// oneOffOf is the service that a one-off is made of; empty: none is.
func (s *source) oneOffOf() string {
	if s.options.OneOff == nil || len(s.options.Services) != 1 {
		return ""
	}
	return s.options.Services[0]
}

// withOneOff lays what the user wants over the service that a one-off is made of.
func (s *source) withOneOff(model *types.Project) error {
	name := s.oneOffOf()
	service, enabled := model.Services[name]
	if !enabled {
		return nil
	}
	if service.Provider != nil {
		return Problems{{Path: "services." + name, Text: "it is provided by " + service.Provider.Type + ", and has no container to run a command in"}}
	}
	if err := s.overlay(&service, model); err != nil {
		return err
	}
	model.Services[name] = service
	return nil
}

// overlay lays the user's wishes over a service, and adds to the model the volumes
// that it does not define.
func (s *source) overlay(service *types.ServiceConfig, model *types.Project) error {
	o := s.options.OneOff
	service.ContainerName, service.PreStart = o.Name, nil
	service.Restart = ""
	if service.Deploy != nil {
		deploy := *service.Deploy
		deploy.RestartPolicy, deploy.UpdateConfig, deploy.RollbackConfig = nil, nil, nil
		service.Deploy = &deploy
	}
	if !isGlobal(*service) {
		service.SetScale(1)
	}
	if o.TTY != nil {
		service.Tty = *o.TTY
	}
	if o.Stdin != nil {
		service.StdinOpen = *o.Stdin
	}
	var wrong flagErrors
	if o.Entrypoint != nil {
		parser := shellwords.NewParser()
		words, err := parser.Parse(*o.Entrypoint)
		if err == nil && parser.Position >= 0 {
			err = fmt.Errorf("there is no shell: quote what is behind %q, or run one", strings.Join(words, " "))
		}
		if err != nil {
			wrong.add("entrypoint", *o.Entrypoint, err)
		}
		service.Entrypoint, service.Command = append([]string{}, words...), nil
	}
	if o.Command != nil {
		service.Command = o.Command
	}
	if o.User != "" {
		service.User = o.User
	}
	if o.WorkingDir != "" {
		if service.WorkingDir = o.WorkingDir; !path.IsAbs(o.WorkingDir) {
			wrong.add("workdir", o.WorkingDir, fmt.Errorf("the path in the container is not absolute"))
		}
	}
	s.oneOffVariables(service, &wrong)
	s.oneOffPorts(service, &wrong)
	s.oneOffVolumes(service, model, &wrong)
	s.oneOffCapabilities(service, &wrong)
	if len(o.Labels) > 0 {
		if service.Labels = maps.Clone(service.Labels); service.Labels == nil {
			service.Labels = types.Labels{}
		}
	}
	for _, l := range o.Labels {
		key, value, _ := strings.Cut(l, "=")
		service.Labels[key] = value
	}
	return wrong.err()
}

func (s *source) oneOffVariables(service *types.ServiceConfig, wrong *flagErrors) {
	o := s.options.OneOff
	set := types.MappingWithEquals{}
	maps.Copy(set, service.Environment)
	for _, f := range o.EnvFiles {
		path := s.abs(s.expandHome(f))
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			wrong.add("env-from-file", f, fmt.Errorf("there is no such file"))
			continue
		}
		vars, err := dotenv.GetEnvFromFile(s.env, []string{path})
		if err != nil {
			wrong.add("env-from-file", f, errors.New(withoutText(err.Error())))
		}
		for key, value := range vars {
			set[key] = &value
		}
	}
	for _, e := range o.Env {
		key, value, valued := strings.Cut(e, "=")
		switch known, there := s.env[key]; {
		case key == "":
			wrong.add("env", "=", fmt.Errorf("a variable has no name"))
		case valued:
			set[key] = &value
		case there:
			set[key] = &known
		default:
			set[key] = nil
		}
	}
	service.Environment = set
}

func (s *source) oneOffPorts(service *types.ServiceConfig, wrong *flagErrors) {
	o := s.options.OneOff
	if !o.ServicePorts {
		service.Ports = nil
	}
	for _, text := range o.Publish {
		ports, err := types.ParsePortConfig(text)
		if err == nil {
			err = checked(func(p place) { p.ports(ports) })
		}
		if err != nil {
			wrong.add("publish", text, err)
			continue
		}
		service.Ports = append(service.Ports, ports...)
	}
}

func (s *source) oneOffCapabilities(service *types.ServiceConfig, wrong *flagErrors) {
	o := s.options.OneOff
	for _, c := range []struct {
		flag  string
		names []string
		to    *[]string
	}{{"cap-add", o.CapAdd, &service.CapAdd}, {"cap-drop", o.CapDrop, &service.CapDrop}} {
		for _, name := range c.names {
			if err := checked(func(p place) { p.capabilities([]string{name}) }); err != nil {
				wrong.add(c.flag, name, err)
				continue
			}
			*c.to = append(slices.Clone(*c.to), name)
		}
	}
}

// oneOffVolumes adds mounts, each in place of the service's at its target.
func (s *source) oneOffVolumes(service *types.ServiceConfig, model *types.Project, wrong *flagErrors) {
	for _, text := range s.options.OneOff.Volumes {
		v, err := format.ParseVolume(text)
		switch {
		case err != nil:
		case !path.IsAbs(v.Target):
			err = fmt.Errorf("the path in the container is %q: want an absolute one", v.Target)
		case path.Clean(v.Target) == "/":
			err = fmt.Errorf("nothing can be mounted over the container's /")
		}
		if err != nil {
			wrong.add("volume", text, err)
			continue
		}
		if v.Type == types.VolumeTypeBind && !filepath.IsAbs(v.Source) {
			v.Source = s.abs(s.expandHome(v.Source))
		}
		if _, defined := model.Volumes[v.Source]; v.Type == types.VolumeTypeVolume && v.Source != "" && !defined {
			if !resourceName().MatchString(v.Source) {
				wrong.add("volume", text, fmt.Errorf("%q is no name of a volume; write ./%s for a path", v.Source, v.Source))
				continue
			}
			if model.Volumes == nil {
				model.Volumes = types.Volumes{}
			}
			model.Volumes[v.Source] = types.VolumeConfig{Name: v.Source}
			s.hostVolumes = append(s.hostVolumes, v.Source)
		}
		same := func(o types.ServiceVolumeConfig) bool { return path.Clean(o.Target) == path.Clean(v.Target) }
		service.Volumes = append(slices.DeleteFunc(slices.Clone(service.Volumes), same), v)
		service.Tmpfs = slices.DeleteFunc(slices.Clone(service.Tmpfs), func(t string) bool {
			target, _, _ := strings.Cut(t, ":")
			return path.Clean(target) == path.Clean(v.Target)
		})
	}
}

// checked returns what a conversion finds wrong, as an error.
func checked(convert func(place)) error {
	c := newConverter(&source{}, &types.Project{})
	convert(place{c, nil})
	if len(c.found) == 0 {
		return nil
	}
	return fmt.Errorf("%s", c.found[0].text)
}

// oneOff makes the project's service that one is made of one. Addresses that the
// service's containers have for themselves are left to them.
func (c *converter) oneOff(p *project.Project) {
	o := c.src.options.OneOff
	for i, s := range p.Services {
		if s.Name != c.src.oneOffOf() {
			continue
		}
		s = s.AsOneOff(o.Slug)
		s.Template.Temporary = o.Temporary
		for j := range s.Template.Networks {
			e := &s.Template.Networks[j]
			if o.UseAliases {
				e.Aliases = sortedSet(append(e.Aliases, s.Name))
			} else {
				e.Aliases = nil
			}
			for _, a := range []netip.Addr{e.IPv4, e.IPv6} {
				if a.IsValid() {
					e.Others = append(e.Others, a)
				}
			}
			slices.SortFunc(e.Others, netip.Addr.Compare)
			*e = project.Endpoint{
				Network: e.Network, Aliases: e.Aliases, Others: e.Others, Interface: e.Interface,
				GatewayPriority: e.GatewayPriority, Sysctls: e.Sysctls,
			}
		}
		p.Services[i] = s
	}
}
