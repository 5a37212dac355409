package loader

import (
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/gocompose/gocompose/project"
)

// BuildFlags are what the command line says of builds. What is zero leaves them as
// they are.
type BuildFlags struct {
	// Args are "KEY=value"; "KEY" takes its value from the environment.
	Args             []string
	NoCache, Pull    bool
	SSH              []project.BuildSSH // with absolute paths
	Provenance, SBOM string
}

// withFlags lays what the command line says over a build.
func (c *converter) withFlags(b *types.BuildConfig) {
	f := c.src.options.Build
	if f == nil {
		return
	}
	args := maps.Clone(b.Args)
	if args == nil {
		args = types.MappingWithEquals{}
	}
	b.Args = args.OverrideBy(types.NewMappingWithEquals(f.Args)).Resolve(c.variable)
	b.NoCache, b.Pull = b.NoCache || f.NoCache, b.Pull || f.Pull
	b.SSH = slices.Clone(b.SSH)
	for _, key := range f.SSH {
		b.SSH = slices.DeleteFunc(b.SSH, func(k types.SSHKey) bool { return k.ID == key.ID })
		b.SSH = append(b.SSH, types.SSHKey{ID: key.ID, Path: strings.Join(key.Paths, ",")})
	}
	if f.Provenance != "" {
		b.Provenance = f.Provenance
	}
	if f.SBOM != "" {
		b.SBOM = f.SBOM
	}
}
