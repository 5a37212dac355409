package loader

import (
	"cmp"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/containerd/platforms"

	"github.com/gocompose/gocompose/project"
)

// caches writes cache_from or cache_to as BuildKit's tools take it: a reference
// alone is of a registry.
func (p place) caches(key string, list []string) []string {
	var out []string
	for i, text := range list {
		at := p.in(key, index(i))
		if !strings.Contains(text, "=") {
			out = append(out, "type=registry,ref="+text)
			continue
		}
		fields, err := csv.NewReader(strings.NewReader(text)).Read()
		if err != nil {
			at.near(text, "%q is not a list like type=registry,ref=web:cache: %v", text, err)
			continue
		}
		if text, ok := at.cache(key, text, fields); ok {
			out = append(out, text)
		}
	}
	return out
}

// cache looks at one cache, and makes the folder of a local one absolute.
func (p place) cache(key, text string, fields []string) (string, bool) {
	kind := ""
	for i, field := range fields {
		name, value, ok := strings.Cut(field, "=")
		name = strings.ToLower(strings.TrimSpace(name)) // as BuildKit's tools read it
		fields[i] = name + "=" + value
		switch {
		case !ok:
			p.near(text, "%q is not of the form KEY=VALUE", field)
			return "", false
		case name == "type":
			kind = value
		case name == "src" || name == "dest":
			fields[i] = name + "=" + p.c.src.mounted(p.c.src.inProject(value))
		}
	}
	known := []string{"registry", "local", "inline", "gha", "s3", "azblob"}
	if !slices.Contains(known, kind) {
		p.near(text, "the type is %q: want one of %s", kind, joined(known))
		return "", false
	}
	if kind == "inline" && key == "cache_from" {
		p.near(text, "inline is a type of cache_to: what is written so is read with type=registry")
		return "", false
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(fields) // into memory
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n"), true
}

// buildPlatforms normalises the platforms of an image, among which the service's
// has to be.
func (p place) buildPlatforms(own string, list []string) []string {
	var out []string
	for i, text := range list {
		asked, err := platforms.Parse(text)
		if err != nil {
			p.in("platforms", index(i)).near(text, "%q is not a platform like linux/arm64 or linux/arm/v7", text)
			continue
		}
		if asked = platforms.Normalize(asked); asked.OS != "linux" {
			p.in("platforms", index(i)).near(text, "%s: images are of Linux here; use a platform like linux/amd64", text)
			continue
		}
		out = append(out, platforms.Format(asked))
	}
	if wanted, err := platforms.Parse(own); err == nil && len(out) > 0 && own != "" &&
		!slices.Contains(out, platforms.Format(platforms.Normalize(wanted))) {
		p.in("platforms").problem("the service's platform, %s, is not among them", own)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (p place) entitlements(list []string) []string {
	for i, e := range list {
		if e != "network.host" && e != "security.insecure" && e != "device" && !strings.HasPrefix(e, "device=") {
			p.in("entitlements", index(i)).near(e, "%q is not one of network.host, security.insecure, device, device=NAME", e)
		}
	}
	list = slices.Sorted(slices.Values(list))
	return slices.Compact(list)
}

// buildSecrets returns the secrets of a build, sorted. That one cannot be read is told
// to lacks: it matters only if something is built.
func (p place) buildSecrets(list []types.ServiceSecretConfig, lacks place) []project.BuildSecret {
	var out []project.BuildSecret
	for i, ref := range list {
		at := p.in("secrets", index(i))
		id := cmp.Or(ref.Target, ref.Source)
		add(p.c.model.Secrets, p.c.whole.Secrets, ref.Source) // of one that is not selected
		o, ok := p.c.model.Secrets[ref.Source]
		switch {
		case !ok:
			at.add(undefinedFile(at.path, project.KindSecret, ref.Source))
			continue
		case slices.ContainsFunc(out, func(o project.BuildSecret) bool { return o.ID == id }):
			at.near(id, "there is a secret %s already", id)
			continue
		}
		secret := project.BuildSecret{ID: id, Source: ref.Source, Variable: o.Environment}
		if o.File != "" {
			secret.File = p.c.src.inProject(o.File)
		}
		out = append(out, secret)
		if p.c.src.options.readsContents() {
			p.c.readForBuild(ref.Source, types.FileObjectConfig(o), lacks)
		}
	}
	slices.SortFunc(out, func(a, b project.BuildSecret) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// readForBuild reads a secret that may be of builds only.
func (c *converter) readForBuild(name string, o types.FileObjectConfig, lacks place) {
	at := place{lacks.c, []string{section(project.KindSecret), name}}
	if !at.defines(project.KindSecret, o) {
		return // which is told elsewhere
	}
	if _, read := c.built[name]; read {
		return
	}
	var d defined
	switch {
	case bool(o.External):
		d.external = cmp.Or(o.Name, name)
	case o.File != "":
		d.path = c.src.inProject(o.File)
	}
	data, attribute, err := c.src.content(project.KindSecret, o, d)
	if err != nil {
		at.in(attribute).problem("%v", err)
		return
	}
	if c.built == nil {
		c.built = map[string][]byte{}
	}
	c.built[name] = data
}

// sshKeys returns the keys of a build, sorted.
func (p place) sshKeys(list types.SSHConfig) []project.BuildSSH {
	var out []project.BuildSSH
	for _, key := range list {
		one := project.BuildSSH{ID: key.ID}
		for _, path := range strings.Split(key.Path, ",") {
			if path != "" {
				one.Paths = append(one.Paths, p.c.src.inProject(path))
			}
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b project.BuildSSH) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// attestation reads provenance or sbom: a boolean, or parameters.
func (p place) attestation(key, text string) string {
	if text == "" {
		return ""
	}
	if on, err := strconv.ParseBool(text); err == nil {
		return strconv.FormatBool(on)
	}
	for _, field := range strings.Split(text, ",") {
		name, value, ok := strings.Cut(field, "=")
		if on, err := strconv.ParseBool(value); name == "disabled" && err == nil && on {
			return "false"
		}
		if !ok || name == "" {
			p.in(key).problem("%q is neither true or false nor a list like %s", text,
				map[string]string{"provenance": "mode=max", "sbom": "generator=IMAGE"}[key])
			return ""
		}
	}
	return text
}

// sealBuild gives the secrets of a build the digests of what is in them.
func (c *converter) sealBuild(b *project.Build, digest func([]byte) (string, error)) error {
	if b == nil {
		return nil
	}
	for i, secret := range b.Secrets {
		data, read := c.built[secret.Source]
		if !read {
			continue // which stands among what the build lacks
		}
		var err error
		if b.Secrets[i].Digest, err = digest(data); err != nil {
			return err
		}
	}
	return nil
}
