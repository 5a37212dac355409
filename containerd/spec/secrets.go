package spec

import (
	"maps"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// secretMounts are the binds of secrets and configs.
func secretMounts(in Input) []specs.Mount {
	var out []specs.Mount
	for _, target := range slices.Sorted(maps.Keys(in.Secrets)) {
		out = append(out, specs.Mount{
			Destination: target,
			Type:        "bind",
			Source:      in.Secrets[target],
			Options:     []string{"bind", "ro", "nosuid", "nodev", "noexec", "rprivate"},
		})
	}
	return out
}
