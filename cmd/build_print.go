package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gocompose/gocompose/planner"
	"github.com/gocompose/gocompose/project"
)

// bakeFile is what `docker buildx bake` reads, with what docker compose gives it.
type bakeFile struct {
	Group  map[string]bakeGroup  `json:"group"`
	Target map[string]bakeTarget `json:"target"`
}

type bakeGroup struct {
	Targets []string `json:"targets"`
}

type bakeTarget struct {
	Context          string            `json:"context,omitempty"`
	Contexts         map[string]string `json:"contexts,omitempty"`
	Dockerfile       string            `json:"dockerfile,omitempty"`
	DockerfileInline string            `json:"dockerfile-inline,omitempty"`
	Args             map[string]string `json:"args,omitempty"`
	Labels           map[string]string `json:"labels,omitempty"`
	Tags             []string          `json:"tags,omitempty"`
	CacheFrom        []string          `json:"cache-from,omitempty"`
	CacheTo          []string          `json:"cache-to,omitempty"`
	Target           string            `json:"target,omitempty"`
	Secret           []string          `json:"secret,omitempty"`
	SSH              []string          `json:"ssh,omitempty"`
	Platforms        []string          `json:"platforms,omitempty"`
	Pull             bool              `json:"pull,omitempty"`
	NoCache          bool              `json:"no-cache,omitempty"`
	NoCacheFilter    []string          `json:"no-cache-filter,omitempty"`
	Network          string            `json:"network,omitempty"`
	ShmSize          string            `json:"shm-size,omitempty"`
	Ulimits          []string          `json:"ulimits,omitempty"`
	Entitlements     []string          `json:"entitlements,omitempty"`
	ExtraHosts       map[string]string `json:"extra-hosts,omitempty"`
	Attest           []string          `json:"attest,omitempty"`
	Output           []string          `json:"output,omitempty"`
}

// printBake prints what c builds as a bake file.
func (a *app) printBake(ctx context.Context, c change) error {
	_, p, err := a.wanted(ctx, c)
	if err != nil {
		return err
	}
	plan, err := c.plan(p, planner.Observed{Images: everyImage(p)})
	if err != nil {
		return err
	}
	file := bakeFile{Group: map[string]bakeGroup{"default": {Targets: []string{}}}, Target: map[string]bakeTarget{}}
	pushed := map[string]bool{}
	for _, s := range plan.Steps {
		if op, ok := s.Op.(planner.PushImage); ok {
			pushed[op.Ref] = true
		}
	}
	for _, s := range plan.Steps {
		if op, ok := s.Op.(planner.BuildImage); ok {
			file.Target[bakeName(op.Service)] = bakeTargetOf(op, pushed[op.Ref])
		}
	}
	file.Group["default"] = bakeGroup{slices.AppendSeq([]string{}, maps.Keys(file.Target))}
	slices.Sort(file.Group["default"].Targets)
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.Out, string(text))
	return err
}

// everyImage has all images of p there, so that only what was asked for is built.
func everyImage(p *project.Project) map[string]string {
	out := map[string]string{}
	for _, s := range slices.Concat(p.Services, p.Bases) {
		out[s.Template.WantedImage().String()] = "there"
	}
	return out
}

// bakeName is the name of a service's target, in which bake has no dots.
func bakeName(service string) string { return strings.ReplaceAll(service, ".", "_") }

func bakeTargetOf(op planner.BuildImage, push bool) bakeTarget {
	b := op.Build
	t := bakeTarget{
		Context: cmp.Or(b.Context, "."), Dockerfile: b.Dockerfile, DockerfileInline: b.Inline, Args: b.Args, Labels: b.Labels,
		CacheFrom: b.CacheFrom, CacheTo: b.CacheTo, Target: b.Target, Platforms: b.Platforms, Pull: b.Pull,
		NoCache: b.NoCache, NoCacheFilter: b.NoCacheStages, Network: b.Network,
		Entitlements: slices.Clone(b.Entitlements), Output: []string{"type=docker"},
	}
	if push {
		t.Output = []string{"type=registry"}
	}
	for i, ref := range op.Refs() {
		name := planner.ShortImage(ref)
		if i == 0 && !b.Named {
			name = strings.TrimSuffix(name, ":latest") // nobody has written it
		}
		t.Tags = append(t.Tags, name)
	}
	t.Contexts = map[string]string{}
	for name, context := range b.Contexts {
		if service, ok := strings.CutPrefix(context, project.ServiceContext); ok {
			context = "target:" + bakeName(service)
		}
		t.Contexts[name] = context
	}
	if b.Privileged && !slices.Contains(t.Entitlements, "security.insecure") {
		t.Entitlements = append(t.Entitlements, "security.insecure")
	}
	t.limits(b)
	t.given(b)
	return t
}

// limits are what holds for the containers of RUN.
func (t *bakeTarget) limits(b project.Build) {
	if b.ShmSize > 0 {
		t.ShmSize = fmt.Sprint(b.ShmSize)
	}
	for _, u := range b.Ulimits {
		t.Ulimits = append(t.Ulimits, fmt.Sprintf("%s=%d:%d", u.Name, u.Soft, u.Hard))
	}
	t.ExtraHosts = map[string]string{}
	for _, h := range b.Hosts {
		name, address, _ := strings.Cut(h, "=")
		t.ExtraHosts[name] = address
	}
}

// given are secrets, keys and attestations.
func (t *bakeTarget) given(b project.Build) {
	for _, s := range b.Secrets {
		switch {
		case s.File != "":
			t.Secret = append(t.Secret, "id="+s.ID+",type=file,src="+s.File)
		case s.Variable != "":
			t.Secret = append(t.Secret, "id="+s.ID+",type=env,env="+s.Variable)
		default:
			t.Secret = append(t.Secret, "id="+s.ID)
		}
	}
	for _, k := range b.SSH {
		if len(k.Paths) > 0 {
			t.SSH = append(t.SSH, k.ID+"="+strings.Join(k.Paths, ","))
		} else {
			t.SSH = append(t.SSH, k.ID)
		}
	}
	for _, attest := range []struct{ kind, value string }{{"provenance", b.Provenance}, {"sbom", b.SBOM}} {
		switch attest.value {
		case "":
		case "true":
			t.Attest = append(t.Attest, "type="+attest.kind)
		case "false":
			t.Attest = append(t.Attest, "type="+attest.kind+",disabled=true")
		default:
			t.Attest = append(t.Attest, "type="+attest.kind+","+attest.value)
		}
	}
}
