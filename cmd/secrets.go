package cmd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/project"
	"github.com/gocompose/gocompose/project/loader"
	"github.com/gocompose/gocompose/secrets"
	"github.com/gocompose/gocompose/secrets/content"
)

// externalFolders are where external secrets and configs are looked for.
func externalFolders() content.Folders { return content.FromEnv(os.Getenv) }

// readKey is the key of the digests of secrets and configs for commands that make
// nothing.
func (a *app) readKey() ([]byte, error) {
	where, err := a.paths()
	if err != nil {
		return nil, err
	}
	return secrets.ReadKey(where.SecretsKey())
}

// storing has that key made, for commands that make containers, beside what load
// does. Who must not make it must not make those either, and is told so later.
func (a *app) storing(load func(*loader.Options)) func(*loader.Options) {
	return func(o *loader.Options) {
		if load != nil {
			load(o)
		}
		o.Key = func() ([]byte, error) {
			where, err := a.paths()
			if err != nil {
				return nil, err
			}
			key, err := secrets.MakeKey(where.SecretsKey())
			if errors.Is(err, fs.ErrPermission) {
				return secrets.ReadKey(where.SecretsKey())
			}
			return key, err
		}
	}
}

// existingWithContents is for commands that start what is there: what is in its
// secrets and configs may have been lost with the state folder, and its images have to be
// signed as the files say.
func existingWithContents(o *loader.Options) { o.Existing, o.Contents, o.Trust = true, true, true }

// lostContents returns what a project's containers lack of secrets and configs that
// only the Compose files can give back, as far as these are as they were. Why they
// cannot is told when a container is started.
func (a *app) lostContents(ctx context.Context, h *host.Host, name string) (project.Contents, error) {
	lacking, err := h.LacksContents(ctx, name)
	if err != nil || len(lacking) == 0 {
		return project.Contents{}, err
	}
	opt, err := a.loadOptions()
	if err != nil {
		return project.Contents{}, err
	}
	opt.Existing, opt.Contents = true, true
	opt.ProjectName, opt.NoDeps, opt.Warn, opt.Stdin = name, true, nil, nil
	var all project.Contents
	var done []project.Container
	for _, c := range lacking {
		replica := func(o project.Container) bool { return o.Service == c.Service && sameFiles(o.Origin, c.Origin) }
		if slices.ContainsFunc(done, replica) {
			continue
		}
		done = append(done, c)
		opt.WorkingDir, opt.ProjectDirectory = c.Origin.WorkingDir, c.Origin.WorkingDir
		opt.Files, opt.EnvFiles, opt.Services = c.Origin.ConfigFiles, c.Origin.EnvFiles, []string{c.Service}
		if p, err := loader.Load(ctx, opt); err == nil {
			all.AddAll(p.Contents)
		}
	}
	return all, nil
}

func sameFiles(a, b project.Origin) bool {
	return a.WorkingDir == b.WorkingDir && slices.Equal(a.ConfigFiles, b.ConfigFiles) && slices.Equal(a.EnvFiles, b.EnvFiles)
}
