package cmd

import (
	"context"
	"os"
	"runtime"

	"github.com/gocompose/gocompose/internal/paths"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
)

// loadOptions are what the global flags and the environment ask of the loader.
func (a *app) loadOptions() (loader.Options, error) {
	dir, err := os.Getwd()
	if err != nil {
		return loader.Options{}, err
	}
	name, err := os.Hostname()
	if err != nil {
		return loader.Options{}, err
	}
	g := a.globals
	return loader.Options{
		Files:            g.files,
		ProjectName:      g.projectName,
		ProjectDirectory: g.projectDir,
		Profiles:         g.profiles,
		EnvFiles:         g.envFiles,
		AllResources:     g.allResources,
		Compatibility:    g.compat,
		Node:             loader.Node{Hostname: name, OS: runtime.GOOS, Arch: runtime.GOARCH},
		Elsewhere:        a.elsewhere(),
		Environ:          os.Environ(),
		Key:              a.readKey,
		External:         externalFolders(),
		WorkingDir:       dir,
		Stdin:            a.In,
		Warn:             a.warn,
	}, nil
}

// load returns the project with the given services and what they depend on;
// with none, all of it.
func (a *app) load(ctx context.Context, services []string, more func(*loader.Options)) (*project.Project, error) {
	opt, err := a.loadOptions()
	if err != nil {
		return nil, err
	}
	opt.Services = services
	if more != nil {
		more(&opt)
	}
	p, err := loader.Load(ctx, opt)
	if err == nil {
		a.tellFiles(p)
	}
	return p, err
}

func (a *app) paths() (paths.Paths, error) { return paths.FromEnv() }
