package spec

import (
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/gocompose/gocompose/project"
)

func TestSecretsAreBoundReadOnly(t *testing.T) {
	in := input()
	in.Container.ReadOnly = true
	in.Mounts = []Mount{{Type: project.MountTmpfs, Target: "/run"}}
	in.Secrets = map[string]string{
		"/run/secrets/password": "/run/gocompose/secrets/shop-web-1.x7/1",
		"/etc/hosts":            "/run/gocompose/secrets/shop-web-1.x7/0",
	}
	s, err := Build(in)
	if err != nil {
		t.Fatal(err)
	}
	at := func(target string) []specs.Mount {
		return slices.DeleteFunc(slices.Clone(s.Mounts), func(m specs.Mount) bool { return m.Destination != target })
	}
	for target, source := range in.Secrets {
		found := at(target)
		if len(found) != 1 || found[0].Source != source || found[0].Type != "bind" {
			t.Errorf("%s: %+v", target, found)
			continue
		}
		for _, o := range []string{"ro", "nosuid", "nodev", "noexec"} {
			if !slices.Contains(found[0].Options, o) {
				t.Errorf("%s lacks %s: %v", target, o, found[0].Options)
			}
		}
	}
	index := func(target string) int {
		return slices.IndexFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == target })
	}
	if index("/run") > index("/run/secrets/password") {
		t.Error("a mount covers the secret below it")
	}
	in.Mounts = append(in.Mounts, Mount{Type: project.MountTmpfs, Target: "/etc/hosts"})
	if _, err := Build(in); err == nil || !strings.Contains(err.Error(), "there are two") {
		t.Errorf("two at one target: %v", err)
	}
}
