// Package loader turns Compose files into a project.
//
// It is the only importer of compose-go, which reads, merges, interpolates and
// validates the files. What the loader adds: the search for files and variables
// in docker compose's order, without touching the process's own environment;
// the translation into project's types; and the refusal, with its place in the
// files, of every attribute that gocompose does not honour.
package loader

import (
	"context"
	"io"
	"slices"

	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/secrets/content"
)

// Options say which files to load and what of them. The environment, the
// working directory and standard input come in here and from nowhere else.
type Options struct {
	// Files are the values of -f, relative to WorkingDir; "-" is Stdin, and others may be
	// Elsewhere. Empty:
	// COMPOSE_FILE, then the default names in WorkingDir and its parents.
	Files []string
	// ProjectName is the value of -p.
	ProjectName string
	// ProjectDirectory is the value of --project-directory, relative to
	// WorkingDir. Empty: the directory of the first file, or of its copy.
	ProjectDirectory string
	// Profiles are the values of --profile; "*" enables all. Empty:
	// COMPOSE_PROFILES.
	Profiles []string
	// EnvFiles are the values of --env-file, relative to WorkingDir; a later
	// one wins. Empty: COMPOSE_ENV_FILES, then ".env".
	EnvFiles []string

	// Services are those asked for, with what they depend on; their profiles
	// are enabled. Empty: all that the profiles enable.
	Services []string
	// NoDeps leaves out what Services depend on.
	NoDeps bool
	// AllResources keeps networks and volumes that no service uses.
	AllResources bool
	// Existing is for commands about what exists already: attributes that are
	// not honoured are passed over, so that what runs can be looked at and ended
	// while the files are being edited.
	Existing bool
	// Contents has what is in secrets and configs read in spite of Existing, as far
	// as it can be.
	Contents bool
	// Build, when set, is laid over all builds. What is read is what builds need, and
	// nothing but builds has to be honoured.
	Build *BuildFlags
	// Watch has develop.watch of Services read, or of all where that is empty.
	Watch bool
	// WithEnv, of Publishable: what may be secret may be seen.
	WithEnv bool
	// Key returns the key of the digests of contents; nil: there is none. It is
	// called when a service has a secret or a config, and nothing is wrong.
	Key func() ([]byte, error)
	// External are the folders of external secrets and configs.
	External content.Folders
	// Compatibility is --compatibility: containers are named as by docker-compose 1. So is
	// COMPOSE_COMPATIBILITY.
	Compatibility bool
	// Locked: images have the digests of the lock beside the files, see LockPath. One that
	// the lock does not have is an error.
	Locked bool
	// VerifyKey is the path of a key, relative to WorkingDir, by which all images have to be
	// signed, whatever the files say. Trust has what they say of that read in spite of
	// Existing.
	VerifyKey string
	Trust     bool
	// Scale sets the number of replicas by service.
	Scale map[string]int

	// OneOff, when set, makes of the one service that is asked for a one-off.
	OneOff *OneOff

	// FindProvider finds the program for a type of providers; nil: it is not looked
	// for.
	FindProvider func(kind string) (string, error)

	// Node is the host that the containers are placed on.
	Node Node

	// Elsewhere gets the files that are not on this host.
	Elsewhere Elsewhere

	// Environ is the process environment, "KEY=value".
	Environ []string
	// WorkingDir is absolute.
	WorkingDir string
	Stdin      io.Reader
	// Warn, when set, is called for what deserves the user's attention and is
	// no error. It is called before Load returns, once for each text, sorted.
	Warn func(string)
}

// Load returns the project that the files describe. When the files are wrong,
// or ask for what gocompose does not honour, the error is a Problems with
// everything that was found. ErrNoFile says that there is no file at all.
func Load(ctx context.Context, o Options) (*project.Project, error) {
	src, err := locate(ctx, o)
	if err != nil {
		return nil, err
	}
	var out *project.Project
	err = src.withWarnings(func() error {
		out, err = src.project(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// project loads the model, which has to be honoured as a whole.
func (s *source) project(ctx context.Context) (*project.Project, error) {
	// Of all paths only a few matter here; they are made absolute one by one,
	// which saves a sixth of the time.
	loaded, err := s.load(ctx, ModelOptions{NoPathResolution: true})
	if err != nil {
		return nil, err
	}
	model, problems := loaded.model, loaded.broken
	if resolved, err := s.resolved(model); err != nil {
		problems = append(problems, s.explain(err)...)
	} else {
		model = resolved
	}
	c := newConverter(s, model)
	c.whole = loaded.whole
	c.providers = loaded.providers
	out := c.project()
	out.Elsewhere = s.demands(loaded.model, out)
	if s.options.Locked {
		l, err := s.readLock()
		if err != nil {
			return nil, err
		}
		c.lock(l, out)
	}
	found := append(keepUsed(loaded.refused, model, out.Bases), c.found...)
	if s.options.Existing {
		found = slices.DeleteFunc(found, func(f finding) bool {
			return f.unsupported() && (s.options.Build == nil || !f.ofBuild())
		})
	} else {
		for _, p := range append(s.problems(c.warned), s.cutCommands(model)...) {
			s.warn(p.String())
		}
	}
	if len(found) > 0 {
		problems = append(problems, s.problems(found)...)
	}
	problems = append(problems, c.flags...)
	problems = append(problems, s.strayMountOptions(model)...)
	problems = append(problems, s.doubledFiles(model)...)
	problems = append(problems, s.doubledMounts(model)...)
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	return out, c.seal(out)
}
