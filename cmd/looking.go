package cmd

import (
	"context"
	"slices"

	"github.com/gocompose/gocompose/host"
	"github.com/gocompose/gocompose/internal/paths"
)

// looking is for commands that look at the containers of a project's services
// again and again.
type looking struct {
	app      *app
	paths    paths.Paths
	project  string
	services []string
	host     *host.Host // nil: nothing ever ran here, so far
}

// looking finds the project out, and refuses services that are unknown.
func (a *app) looking(ctx context.Context, services []string) (*looking, error) {
	where, err := a.paths()
	if err != nil {
		return nil, err
	}
	name, p, err := a.wanted(ctx, change{fileless: true, load: existing})
	if err != nil {
		return nil, err
	}
	l := &looking{app: a, paths: where, project: name}
	infos, err := l.now(ctx)
	if err == nil {
		err = knownServices(p, infos, services)
	}
	if err != nil {
		_ = l.close()
		return nil, err
	}
	l.services = services
	return l, nil
}

func (l *looking) close() error {
	if l.host == nil {
		return nil
	}
	return l.host.Close()
}

// now returns the containers that there are, sorted.
func (l *looking) now(ctx context.Context) (_ []host.Info, err error) {
	if l.host == nil {
		if l.host, err = l.app.openExisting(ctx); l.host == nil {
			return nil, err
		}
	}
	infos, err := l.host.Containers(ctx, l.project)
	if err != nil {
		return nil, err
	}
	infos = slices.DeleteFunc(infos, func(i host.Info) bool {
		return len(l.services) > 0 && !slices.Contains(l.services, i.Spec.Service)
	})
	slices.SortFunc(infos, byService)
	return infos, nil
}
