package loader

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"

	"github.com/gocompose/gocompose/project"
)

// build returns how the image of a service is built, nil if it is not.
func (p place) build(s types.ServiceConfig) *project.Build {
	if s.Build == nil {
		return nil
	}
	p = p.in("build")
	b, lacks := *s.Build, place{&converter{src: p.c.src}, p.path}
	p.c.withFlags(&b)
	out := &project.Build{
		Named: s.Image != "", Tags: p.tags(b.Tags),
		Context: p.buildContext(b.Context), Inline: b.DockerfileInline, Target: b.Target,
		Args: map[string]string(b.Args.ToMapping()), Labels: maps.Clone(map[string]string(b.Labels)),
		Contexts:  p.buildContexts(s.Name, b.AdditionalContexts),
		CacheFrom: p.caches("cache_from", b.CacheFrom), CacheTo: p.caches("cache_to", b.CacheTo),
		NoCache: b.NoCache, NoCacheStages: slices.Clone(b.NoCacheFilter), Pull: b.Pull,
		Platforms: p.buildPlatforms(s.Platform, b.Platforms),
		Network:   b.Network, Hosts: p.in("extra_hosts").hosts(b.ExtraHosts), ShmSize: int64(b.ShmSize),
		Ulimits: p.in("ulimits").ulimits(b.Ulimits), Privileged: b.Privileged,
		Entitlements: p.entitlements(b.Entitlements), Secrets: p.buildSecrets(b.Secrets, lacks), SSH: p.sshKeys(b.SSH),
		Provenance: p.attestation("provenance", b.Provenance), SBOM: p.attestation("sbom", b.SBOM),
	}
	out.Dockerfile = dockerfileOf(b, out.Context)
	if p.c.src.options.readsContents() {
		lacks.sources(b, out)
		for _, lack := range p.c.src.problems(lacks.c.found) {
			out.Lacks = append(out.Lacks, lack.String())
		}
		out.Bases = p.bases(out)
	}
	return out
}

// tags normalises further names of an image.
func (p place) tags(list []string) []string {
	var out []string
	for i, tag := range list {
		ref, err := reference.ParseDockerRef(tag)
		if err != nil {
			p.in("tags", index(i)).near(tag, "%q is not an image reference like web:1.27: %v", tag, err)
			continue
		}
		out = append(out, ref.String())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// stdinContext is a context that is read from standard input.
const stdinContext = "-"

// buildContext makes a folder absolute, and leaves URLs.
func (p place) buildContext(context string) string {
	switch {
	case context == stdinContext || isRemote(context):
		return context
	case strings.HasPrefix(context, project.ServiceContext), strings.Contains(context, "://"):
		p.in("context").problem("%q is neither a folder nor the URL of a git repository or an archive; name it under additional_contexts", context)
		return ""
	}
	return filepath.Clean(p.c.src.inProject(context))
}

// isRemote tells whether a context is a URL, as Docker tells.
func isRemote(context string) bool {
	for _, prefix := range []string{"https://", "http://", "git://", "ssh://", "github.com/", "git@"} {
		if strings.HasPrefix(context, prefix) {
			return true
		}
	}
	return false
}

// isFolder tells whether a context is a folder of this host.
func isFolder(context string) bool { return filepath.IsAbs(context) }

// dockerfileOf returns the path of the Dockerfile, absolute unless the context is
// not here. What is called Dockerfile may also be called dockerfile.
func dockerfileOf(b types.BuildConfig, context string) string {
	path := b.Dockerfile
	switch {
	case b.DockerfileInline != "":
		return ""
	case !isFolder(context):
		return path
	case !filepath.IsAbs(path):
		path = filepath.Join(context, path)
	}
	if lower := filepath.Join(filepath.Dir(path), "dockerfile"); filepath.Base(path) == "Dockerfile" && !exists(path) && exists(lower) {
		return lower
	}
	return path
}

// sources reports what of the sources of a build is not there.
func (p place) sources(b types.BuildConfig, out *project.Build) {
	if !isFolder(out.Context) {
		return
	}
	show := p.c.src.display
	if info, err := os.Stat(out.Context); err != nil || !info.IsDir() {
		p.in("context").problem("there is no folder %s", show(out.Context))
	} else if out.Dockerfile != "" && !exists(out.Dockerfile) {
		p.in("dockerfile").near(b.Dockerfile, "there is no file %s", show(out.Dockerfile))
	}
	for name, context := range out.Contexts {
		if isFolder(context) && !exists(context) {
			p.in("additional_contexts", name).problem("there is no folder %s", show(context))
		}
	}
	for _, key := range out.SSH {
		for _, path := range key.Paths {
			if !exists(path) {
				p.in("ssh").near(key.ID, "there is no file %s", show(path))
			}
		}
	}
}

// buildContexts returns the named contexts, with folders absolute.
func (p place) buildContexts(service string, list types.Mapping) map[string]string {
	if len(list) == 0 {
		return nil
	}
	p = p.in("additional_contexts")
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(list)) {
		context := list[name]
		if of, ok := strings.CutPrefix(context, project.ServiceContext); ok {
			if text := p.c.notBuilt(service, of); text != "" {
				p.in(name).near(context, "%s", text)
				continue
			}
		} else if path, ok := strings.CutPrefix(context, "oci-layout://"); ok {
			context = "oci-layout://" + p.c.src.inProject(path)
		} else if !isRemote(context) && !strings.Contains(context, "://") {
			context = filepath.Clean(p.c.src.inProject(context))
		}
		out[name] = context
	}
	return out
}

// notBuilt says why the image of a service cannot be a context of another's build.
func (c *converter) notBuilt(service, of string) string {
	other, ok := c.model.AllServices()[of]
	switch {
	case !ok:
		return "undefined service " + of + "; define it under services"
	case other.Build == nil:
		return "service " + of + " has no build; use " + project.ImageContext + other.Image + " for its image"
	case of == service:
		return "it is the service itself"
	}
	if cycle := c.contextCycle(service, of); cycle != nil {
		return "the builds wait for each other: " + strings.Join(cycle, " -> ")
	}
	return ""
}

// contextCycle returns how a service's build leads back to that service by way of
// another's.
func (c *converter) contextCycle(service, by string) []string {
	all, seen := c.model.AllServices(), map[string]bool{}
	var find func(at string) []string
	find = func(at string) []string {
		s := all[at]
		if at == service {
			return []string{at}
		}
		if seen[at] || s.Build == nil {
			return nil
		}
		seen[at] = true
		for _, name := range slices.Sorted(maps.Keys(s.Build.AdditionalContexts)) {
			if next, ok := strings.CutPrefix(s.Build.AdditionalContexts[name], project.ServiceContext); ok {
				if rest := find(next); rest != nil {
					return append([]string{at}, rest...)
				}
			}
		}
		return nil
	}
	if rest := find(by); rest != nil {
		return append([]string{service}, rest...)
	}
	return nil
}
